// Who calls: the tenant of a request.
export { openTenants, type Surroundings, type TenantConfig, type Tenants } from "./open-tenants.ts";
export { tenantFields } from "./settings.ts";
export { type HeaderReader, TENANT_HEADER, type TenantResolver } from "./tenant.ts";
