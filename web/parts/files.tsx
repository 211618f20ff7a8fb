/** What a search has left in its folder. */
import { useState } from 'preact/hooks';
import type { Listing } from '../../src/api/routes/artifacts.js';
import { bytes } from '../../src/cli/figures.js';
import { download, reasonOf, respond } from '../service/ask.js';
import { usePolled } from '../service/live.js';
import { Trouble } from './words.js';

/** The folder in which a file is, undefined for one beside them. */
const folderOf = (file: string): string | undefined =>
  file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined;

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
  const folders = new Set(answer.files.flatMap(({ path: file }) => folderOf(file) ?? []));
  const listed = (folder: string | undefined) => (
    <ul class="files">
      {answer.files
        .filter(({ path: file }) => folderOf(file) === folder)
        .map(({ path: file, bytes: size }) => (
          <li key={file}>
            <button type="button" class="link" onClick={() => take(file)}>
              {folder === undefined ? file : file.slice(folder.length + 1)}
            </button>{' '}
            <small>{bytes(size)}</small>
          </li>
        ))}
    </ul>
  );
  return (
    <section>
      <h2>Files</h2>
      <Trouble>{trouble}</Trouble>
      {listed(undefined)}
      {[...folders].map((folder) => (
        <details key={folder} class="folder">
          <summary>{folder}/</summary>
          {listed(folder)}
        </details>
      ))}
    </section>
  );
}
