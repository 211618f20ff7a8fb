/** The messages of TensorFlow's graph format, as far as a recorded graph needs them. */
import { createRequire } from 'node:module';

/** TensorFlow's numbers for element types. */
export const TYPES = { float32: 1, int32: 3, uint8: 4, bool: 10, half: 19 } as const;

export type AttributeValue =
  | { readonly type: keyof typeof TYPES }
  | { readonly int: number | readonly number[] }
  | { readonly float: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly shape: readonly number[] }
  | {
      readonly tensor: {
        readonly type: keyof typeof TYPES;
        readonly shape: readonly number[];
        readonly bytes: Uint8Array;
      };
    };

// tfjs-node's own messages of the formats that it loads; it ships them without types.
export interface Message {
  serializeBinary(): Uint8Array;
}
type Built<T> = { new (): T };
interface ShapeProto extends Message {
  addDim(dim: Message): void;
}
interface ValueProto extends Message {
  setI(value: number): void;
  setF(value: number): void;
  setB(value: boolean): void;
  setS(value: Uint8Array): void;
  setType(value: number): void;
  setShape(value: Message): void;
  setTensor(value: Message): void;
  setList(value: Message): void;
}
interface NodeProto extends Message {
  setName(value: string): void;
  setOp(value: string): void;
  addInput(value: string): void;
  getAttrMap(): { set(name: string, value: Message): void };
}
export interface Messages {
  readonly NodeDef: Built<NodeProto>;
  readonly AttrValue: Built<ValueProto> & {
    ListValue: Built<Message & { setIList(values: number[]): void }>;
  };
  readonly TensorShape: Built<ShapeProto> & { Dim: Built<Message & { setSize(value: number): void }> };
  readonly Tensor: Built<
    Message & {
      setDtype(value: number): void;
      setTensorShape(value: Message): void;
      setTensorContent(value: Uint8Array): void;
    }
  >;
  readonly GraphDef: Built<Message & { addNode(node: Message): void; setVersions(value: Message): void }>;
  readonly VersionDef: Built<
    Message & { setProducer(value: number): void; setMinConsumer(value: number): void }
  >;
  readonly MetaGraphDef: Built<
    Message & { setMetaInfoDef(value: Message): void; setGraphDef(value: Message): void }
  > & {
    MetaInfoDef: Built<Message & { addTags(value: string): void }>;
  };
  readonly SavedModel: Built<
    Message & { setSavedModelSchemaVersion(value: number): void; addMetaGraphs(value: Message): void }
  >;
}

const require = createRequire(import.meta.url);
export const messages = () => require('@tensorflow/tfjs-node-gpu/dist/proto/api_pb.js') as Messages;

function shapeMessage(m: Messages, shape: readonly number[]): Message {
  const message = new m.TensorShape();
  for (const size of shape) {
    const dim = new m.TensorShape.Dim();
    dim.setSize(size);
    message.addDim(dim);
  }
  return message;
}

/** An attribute of a node as its message. */
export function attributeMessage(m: Messages, value: AttributeValue): Message {
  const message = new m.AttrValue();
  if ('type' in value) message.setType(TYPES[value.type]);
  else if ('float' in value) message.setF(value.float);
  else if ('bool' in value) message.setB(value.bool);
  else if ('text' in value) message.setS(new TextEncoder().encode(value.text));
  else if ('shape' in value) message.setShape(shapeMessage(m, value.shape));
  else if ('tensor' in value) {
    const tensor = new m.Tensor();
    tensor.setDtype(TYPES[value.tensor.type]);
    tensor.setTensorShape(shapeMessage(m, value.tensor.shape));
    tensor.setTensorContent(value.tensor.bytes);
    message.setTensor(tensor);
  } else if (typeof value.int === 'number') message.setI(value.int);
  else {
    const list = new m.AttrValue.ListValue();
    list.setIList([...value.int]);
    message.setList(list);
  }
  return message;
}
