/** Several searches side by side. */

import { useCallback, useEffect, useState } from 'preact/hooks';
import { amount, clip, duration, quantity } from '../../src/cli/figures.js';
import { comparedOf, comparisonRows, comparisonSpecification } from '../../src/search/comparison.js';
import type { Look } from '../../src/search/picture.js';
import type { Trajectory } from '../../src/search/views.js';
import { Chart } from '../parts/chart.js';
import { Table } from '../parts/table.js';
import { estimate, State, Trouble, useTitle } from '../parts/words.js';
import { to } from '../routes.js';
import { get, reasonOf } from '../service/ask.js';

export function Compare({ searches }: { readonly searches: readonly string[] }) {
  useTitle('Compare');
  const [trajectories, setTrajectories] = useState<readonly Trajectory[]>([]);
  const [trouble, setTrouble] = useState<string>();
  const asked = searches.join(',');
  useEffect(() => {
    const gone = new AbortController();
    Promise.all(
      asked
        .split(',')
        .filter(Boolean)
        .map((id) => get<Trajectory>(`/searches/${encodeURIComponent(id)}/trajectory`, gone.signal)),
    ).then(setTrajectories, (error) => {
      if (!gone.signal.aborted) setTrouble(reasonOf(error));
    });
    return () => gone.abort();
  }, [asked]);
  const specification = useCallback(
    (look: Look) => (trajectories.length === 0 ? undefined : comparisonSpecification(trajectories, look)),
    [trajectories],
  );
  const fingerprints = new Set(trajectories.map(({ dataset }) => dataset.fingerprint));
  return (
    <>
      <h1>Compare searches</h1>
      <Trouble>{trouble}</Trouble>
      {fingerprints.size > 1 && (
        <p class="trouble">
          These searches are on different videos, or divide them differently: their accuracies say nothing
          about each other.
        </p>
      )}
      <Chart
        title="Accuracy against cost"
        file="comparison"
        specification={specification}
        rows={comparisonRows(trajectories)}
      >
        Every candidate, a colour for each search. Bars are one standard error; diamonds are the networks
        found.
      </Chart>
      <Table
        label="The searches in figures"
        columns={[
          'Search',
          'State',
          'Method',
          'Seed',
          'Network found',
          'Cost',
          'Validation',
          'Test',
          'Trainings',
          'Multiply-adds',
          'Worker time',
        ]}
      >
        {trajectories.map(comparedOf).map((row) => (
          <tr key={row.search}>
            <th scope="row">
              <a href={to.search(row.search)}>{row.name ?? row.search}</a>
            </th>
            <td>
              <State status={row.status} />
            </td>
            <td>{row.method}</td>
            <td class="figure">{row.seed}</td>
            <td>{row.factors && `${clip(row.factors)}, ${row.factors.crop} px`}</td>
            <td class="figure">{row.cost !== undefined && quantity(row.cost, row.complexity)}</td>
            <td class="figure">{row.validation && estimate(row.validation.accuracy)}</td>
            <td class="figure">{row.test && estimate(row.test.accuracy)}</td>
            <td class="figure">{row.spending.trainings}</td>
            <td class="figure">{amount(row.spending.multiplyAdds)}</td>
            <td class="figure">{duration(3600 * row.spending.hours)}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}
