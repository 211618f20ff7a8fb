/** What a Redis says that answers, and takes no commands or no writes for now; older ones say so inside of an ERR. */
export const REFUSAL =
  /(^|-)(READONLY|OOM|MISCONF|LOADING|MASTERDOWN|NOAUTH|NOPERM|WRONGPASS|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|EXECABORT) /;

/** What ioredis says where Redis is away or silent. */
export const AWAY =
  /MaxRetriesPerRequestError|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|Connection is closed|Command timed out|Socket timeout|Stream isn't writeable/;
