/** onnxruntime in this process, on the CPU. Its own installer is not run: it would fetch the CUDA libraries. */
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { INPUT } from './drawing.js';

export interface Session {
  /** Clips [N, 3, T, H, W] (or what else the model takes) -> every output by name. */
  run(values: Float32Array, shape: readonly number[]): Promise<Readonly<Record<string, Float32Array>>>;
  close(): Promise<void>;
}

/** Of one operator; operators follow each other. */
export async function openSession(
  model: Uint8Array,
  { threads }: { readonly threads: number },
): Promise<Session> {
  const { InferenceSession, Tensor } = (await import('onnxruntime-node')).default;
  const session: InferenceSession = await InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Warnings only matter to whoever writes the model.
    logSeverityLevel: 3,
  });
  return {
    run: async (values, shape) => {
      const input: Tensor = new Tensor('float32', values, [...shape]);
      const outputs = await session.run({ [INPUT]: input });
      return Object.fromEntries(
        Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array]),
      );
    },
    close: () => session.release(),
  };
}
