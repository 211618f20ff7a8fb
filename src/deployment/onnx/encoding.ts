/** A graph as the bytes of an .onnx file: the messages of onnx.proto3 that are needed, under its field numbers. */
import protobuf from 'protobufjs';
import { VERSION } from '../../version.js';
import type { ConstantTensor, Graph, Node, Port } from './graph.js';

/** Of onnx.proto3 (github.com/onnx/onnx, Apache 2.0), version 8 of its format. */
const SCHEMA = `
syntax = "proto3";
message Attribute { string name = 1; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; }
message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
message Shape { repeated Dimension dim = 1; }
message TensorType { int32 elem_type = 1; Shape shape = 2; }
message Type { TensorType tensor_type = 1; }
message ValueInfo { string name = 1; Type type = 2; string doc_string = 3; }
message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; string doc_string = 10; repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
message Entry { string key = 1; string value = 2; }
message OperatorSet { string domain = 1; int64 version = 2; }
message Model { int64 ir_version = 1; string producer_name = 2; string producer_version = 3; string doc_string = 6; Graph graph = 7; repeated OperatorSet opset_import = 8; repeated Entry metadata_props = 14; }
`;

/** Taken by onnxruntime from 1.12, OpenVINO from 2022.2 and TensorRT from 8.6. */
const FORMAT_VERSION = 8;
export const OPERATOR_SET = 17;

/** ONNX's numbers for element types. */
const elementType = ({ values }: ConstantTensor): number => {
  if (values instanceof Float32Array) return 1;
  if (values instanceof Uint8Array) return 2;
  return values instanceof Int8Array ? 3 : 6;
};
const FLOAT = 1;
const ATTRIBUTE = { int: 2, ints: 7 } as const;

const nodeMessage = ({ operator, name, inputs, attributes }: Node) => ({
  opType: operator,
  name,
  input: inputs,
  output: [name],
  attribute: Object.entries(attributes).map(([key, value]) =>
    typeof value === 'number'
      ? { name: key, type: ATTRIBUTE.int, i: value }
      : { name: key, type: ATTRIBUTE.ints, ints: value },
  ),
});

const tensorMessage = (name: string, tensor: ConstantTensor) => {
  const { buffer, byteOffset, byteLength } = tensor.values;
  return {
    name,
    dims: tensor.shape,
    dataType: elementType(tensor),
    rawData: new Uint8Array(buffer, byteOffset, byteLength),
  };
};

const portMessage = ({ name, shape, description }: Port) => ({
  name,
  docString: description,
  type: {
    tensorType: {
      elemType: FLOAT,
      shape: {
        dim: shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size })),
      },
    },
  },
});

/** `metadata` becomes the model's metadata_props. */
export function encodeModel(graph: Graph, metadata: Readonly<Record<string, string>>): Uint8Array {
  const model = protobuf.parse(SCHEMA).root.lookupType('Model');
  const message = {
    irVersion: FORMAT_VERSION,
    producerName: 'x3d-search',
    producerVersion: VERSION,
    opsetImport: [{ domain: '', version: OPERATOR_SET }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: 'x3d',
      node: graph.nodes.map(nodeMessage),
      initializer: [...graph.constants].map(([name, tensor]) => tensorMessage(name, tensor)),
      input: graph.inputs.map(portMessage),
      output: graph.outputs.map(portMessage),
    },
  };
  return model.encode(model.fromObject(message)).finish();
}
