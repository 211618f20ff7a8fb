/** What a training comes to as schemas, for what comes from another process, a file or Redis. */
import Type from 'typebox';
import { Compile } from 'typebox/compile';

const Count = Type.Integer({ minimum: 0 });
const Share = Type.Number({ minimum: 0, maximum: 1 });

export const TrainingFailureSchema = Type.Object(
  {
    kind: Type.Enum(['not-a-number', 'out-of-memory', 'unreadable-data', 'killed', 'time-limit', 'internal']),
    retry: Type.Enum(['here', 'elsewhere', 'never']),
    reason: Type.String(),
  },
  { additionalProperties: false },
);

const EvaluationSchema = Type.Object({
  videos: Count,
  viewsPerVideo: Count,
  top1: Share,
  top5: Share,
  loss: Type.Number(),
  confusion: Type.Array(Type.Array(Count)),
});

export const trainingResult = Compile(
  Type.Object({
    classes: Type.Array(Type.String()),
    validation: EvaluationSchema,
    test: Type.Optional(Type.Object({ center: EvaluationSchema, leftCenterRight: EvaluationSchema })),
    steps: Count,
    seconds: Type.Number(),
    clipsPerSecond: Type.Number(),
    stepShare: Type.Number(),
    peakBytes: Type.Number(),
  }),
);
