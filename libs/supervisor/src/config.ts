// The environment the supervisor was started in: the one place here that reads it, and what children inherit.

export type EnvironmentLike = Readonly<Record<string, string | undefined>>;

/** Variables of the test runner or of an inspector would change how a service starts, so children do not get them. */
const NOT_INHERITED = /^(VITEST|VITE_|NODE_OPTIONS$|NODE_CHANNEL_|NODE_INSPECTOR|NODE_V8_COVERAGE$|TEST$)/;

export function inheritedEnv(): EnvironmentLike {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name)));
}
