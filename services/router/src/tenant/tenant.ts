// What a tenant is called, and how a caller names one.

export const TENANT_HEADER = "x-chimera-tenant";
export const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

/** Gives null or undefined for an absent header. */
export type HeaderReader = (name: string) => string | null | undefined;

export interface TenantResolver {
  /**
   * At once where the credential is known already, which is nearly always. Throws or rejects with UnauthenticatedError,
   * InvalidRequestError, or, while the keys of an issuer can not be had, UnavailableError or OverloadedError.
   */
  resolve(header: HeaderReader): string | Promise<string>;
}
