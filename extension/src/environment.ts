/** Variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The editor's own settings about proxies (`http.*`). */
export interface ProxySettings {
  readonly proxySupport: string;
  readonly proxy: string;
  readonly noProxy: readonly string[];
}

const PROXIES = ['http_proxy', 'https_proxy', 'all_proxy'];

/** What pip may take from the variables of a person: where packages come from, and how it gets there. */
const PIP_KEEPS = new Set(
  `PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST PIP_CERT PIP_CLIENT_CERT PIP_PROXY
   PIP_TIMEOUT PIP_DEFAULT_TIMEOUT PIP_RETRIES PIP_CACHE_DIR PIP_NO_CACHE_DIR PIP_CONFIG_FILE PIP_KEYRING_PROVIDER`.split(/\s+/),
);

/** The variables for the server: the editor's proxy stands in where no variable names one. */
export function withProxy(variables: Environment, settings: ProxySettings): Environment {
  const proxy = settings.proxySupport === 'off' ? '' : settings.proxy.trim();
  const names = new Map(Object.entries(variables).map(([name, value]) => [name.toLowerCase(), value]));
  const isNamed = PROXIES.some((name) => names.get(name));
  const bypass = names.get('no_proxy') ? [] : settings.noProxy;
  return {
    ...variables,
    ...(proxy && !isNamed ? { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } : {}),
    ...(bypass.length > 0 ? { NO_PROXY: ['localhost', '127.0.0.1', '::1', ...bypass].join(',') } : {}),
  };
}

/** The variables for pip, which installs into a private environment whatever a person set for other ones. */
export function forPip(variables: Environment): Environment {
  const kept = Object.entries(variables).filter(([name]) => {
    const upper = name.toUpperCase();
    return !upper.startsWith('PIP_') || PIP_KEEPS.has(upper);
  });
  return { ...Object.fromEntries(kept), PIP_USER: '0' }; // a file of pip's configuration may say otherwise
}
