/** Certificates that vouch for themselves, made by openssl. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** PEM files in `folder`. `names` are those it is for, as `DNS:localhost,IP:127.0.0.1`. */
export function certificateIn(
  folder: string,
  names: string,
): { readonly cert: string; readonly key: string } {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const made = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost`;
  execFileSync(
    'openssl',
    [...made.split(' '), '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  );
  return { cert, key };
}
