/** What a search has left in its folder. */
import { useState } from 'preact/hooks';
import type { Listing } from '../../src/api/routes/artifacts.js';
import { amount } from '../../src/cli/figures.js';
import { download, reasonOf, respond } from '../service/ask.js';
import { usePolled } from '../service/live.js';
import { Trouble } from './words.js';

/** `version`: of the search, so that it is asked again as it goes on. */
export function Files({ search, version }: { readonly search: string; readonly version: number }) {
  const path = `/searches/${encodeURIComponent(search)}/artifacts`;
  const { answer } = usePolled<Listing>(`${path}?${version}`, 0);
  const [trouble, setTrouble] = useState<string>();
  const take = async (file: string) => {
    try {
      const response = await respond(`${path}/${file.split('/').map(encodeURIComponent).join('/')}`);
      download(file.split('/').at(-1) ?? file, await response.blob());
    } catch (error) {
      setTrouble(reasonOf(error));
    }
  };
  if (!answer || answer.files.length === 0) return null;
  return (
    <section>
      <h2>Files</h2>
      <Trouble>{trouble}</Trouble>
      <ul class="files">
        {answer.files.map(({ path: file, bytes }) => (
          <li key={file}>
            <button type="button" class="link" onClick={() => take(file)}>
              {file}
            </button>{' '}
            <small>{amount(bytes)}B</small>
          </li>
        ))}
      </ul>
    </section>
  );
}
