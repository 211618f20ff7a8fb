/**
 * ONNX's form of a computation, as far as X3D needs it: nodes by name in the order of computation, and the tensors they
 * were given. Every node has one output, which has the node's name.
 */

export interface ConstantTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array | Int8Array | Uint8Array | Int32Array;
}

export interface Node {
  /** In ONNX's own set of operators. */
  readonly operator: string;
  readonly name: string;
  /** Names of nodes, constants or inputs. */
  readonly inputs: readonly string[];
  readonly attributes: Readonly<Record<string, number | readonly number[]>>;
}

/** Float32; an axis that is a word is of any size. */
export interface Port {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  /** What it holds, for people. */
  readonly description: string;
}

export interface Graph {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, ConstantTensor>;
}
