/** Networks' descriptions as schemas, for what comes from outside the process. */
import Type from 'typebox';
import type { BaseNetwork } from './base.js';

const exact = { additionalProperties: false };
const Positive = Type.Number({ exclusiveMinimum: 0 });
const Whole = Type.Integer({ minimum: 1 });

export const FactorsSchema = Type.Object(
  { frames: Whole, stride: Whole, crop: Whole, width: Positive, bottleneck: Positive, depth: Positive },
  {
    ...exact,
    description: 'The six factors: clip frames x stride, crop in pixels, gamma_w, gamma_b, gamma_d.',
  },
);

export const BaseNetworkSchema = Type.Unsafe<BaseNetwork>(
  Type.Object(
    {
      name: Type.String(),
      factors: FactorsSchema,
      stemWidth: Whole,
      stages: Type.Array(Type.Object({ width: Whole, depth: Whole }, exact), { minItems: 1 }),
      headWidth: Whole,
      classes: Type.Integer({ minimum: 2 }),
      widthDivisor: Whole,
      innerDivisor: Whole,
      shortcutNorm: Type.Enum(['always', 'where widened']),
      grid: Type.Object({ crop: Positive, width: Positive, bottleneck: Positive, depth: Positive }, exact),
    },
    exact,
  ),
);
