// The functions of cephes that are used here. The package's own types are not found by way of its "exports".
declare module "cephes" {
  /** Settled once the WebAssembly of the package can be called. */
  export const compiled: Promise<void>;
  export function ndtr(x: number): number;
  export function ndtri(p: number): number;
  export function incbet(a: number, b: number, x: number): number;
  export function igamc(a: number, x: number): number;
}
