// ONNX files without a library: protobuf fields written by hand, weights in a
// file of their own beside the graph, all random from a fixed seed.
//
// Field numbers are those of onnx.proto; the comments name the messages.

import fs from 'node:fs';
import path from 'node:path';

const TYPES = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7 };
const BYTES = { f32: 4, u8: 1, i8: 1, i32: 4, i64: 8 };
const ARRAYS = { f32: Float32Array, i32: Int32Array, i64: BigInt64Array };
const PAGE = 4096;
const EXTENSIONS = 'com.microsoft';

const join = (...parts) => Buffer.concat(parts);

function varint(value) {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

const number = (field, value) => join(varint(field << 3), varint(value));

function bytes(field, value) {
  const buffer = Buffer.from(value);
  return join(varint((field << 3) | 2), varint(buffer.length), buffer);
}

function float(field, value) {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return join(varint((field << 3) | 5), buffer);
}

// AttributeProto: an integer, a list of them, or {float: number}.
function attribute(name, value) {
  if (Array.isArray(value))
    return join(
      bytes(1, name),
      ...value.map((v) => number(8, v)),
      number(20, 7),
    );
  if (typeof value === 'object')
    return join(bytes(1, name), float(2, value.float), number(20, 1));
  return join(bytes(1, name), number(3, value), number(20, 2));
}

// ValueInfoProto; dimensions are numbers or names.
function valueInfo(name, type, shape) {
  const dims = shape.map((dim) =>
    bytes(1, typeof dim === 'string' ? bytes(2, dim) : number(1, dim)),
  );
  const tensor = join(number(1, TYPES[type]), bytes(2, join(...dims)));
  return join(bytes(1, name), bytes(2, bytes(1, tensor)));
}

function randomBlocks() {
  let state = 12345;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const uniform = () => next() / 2 ** 32;
  const floats = new Float32Array(1 << 22);
  for (let i = 0; i < floats.length; i++)
    floats[i] = (uniform() + uniform() + uniform() - 1.5) * 0.04;
  const integers = Buffer.alloc(1 << 22);
  for (let i = 0; i < integers.length; i++) integers[i] = next() >>> 24;
  return { f32: Buffer.from(floats.buffer), i8: integers, u8: integers };
}

export class GraphWriter {
  constructor(file) {
    this.file = file;
    this.data = fs.openSync(file + '.data', 'w');
    this.offset = 0;
    this.names = 0;
    this.blocks = randomBlocks();
    this.nodes = [];
    this.tensors = [];
    this.inputs = [];
    this.outputs = [];
  }

  fresh() {
    return `t${this.names++}`;
  }

  input(name, type, shape) {
    this.inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name, type, shape) {
    this.outputs.push(valueInfo(name, type, shape));
  }

  // A weight in the data file: random, or every element `fill`.
  weight(name, type, shape, fill) {
    const size = shape.reduce((a, b) => a * b, 1) * BYTES[type];
    const block =
      fill === undefined
        ? this.blocks[type]
        : Buffer.from(new Float32Array(1 << 14).fill(fill).buffer);
    this.offset = Math.ceil(this.offset / PAGE) * PAGE;
    // No two weights begin at the same place of the block.
    let from =
      fill === undefined ? (this.names++ * PAGE * 37) % block.length : 0;
    for (let done = 0; done < size; from = 0) {
      const length = Math.min(size - done, block.length - from);
      fs.writeSync(this.data, block, from, length, this.offset + done);
      done += length;
    }
    const place = {
      location: path.basename(this.file) + '.data',
      offset: this.offset,
      length: size,
    };
    this.tensors.push(
      join(
        ...shape.map((dim) => number(1, dim)),
        number(2, TYPES[type]),
        bytes(8, name),
        ...Object.entries(place).map(([key, value]) =>
          bytes(13, join(bytes(1, key), bytes(2, String(value)))),
        ),
        number(14, 1),
      ),
    );
    this.offset += size;
    return name;
  }

  // A small tensor inside the graph.
  constant(type, shape, values) {
    const name = this.fresh();
    const array = ARRAYS[type].from(values, type === 'i64' ? BigInt : Number);
    this.tensors.push(
      join(
        ...shape.map((dim) => number(1, dim)),
        number(2, TYPES[type]),
        bytes(8, name),
        bytes(9, Buffer.from(array.buffer)),
      ),
    );
    return name;
  }

  scalar(value) {
    return this.constant('f32', [], [value]);
  }

  integers(...values) {
    return this.constant('i64', [values.length], values);
  }

  // A node; `outputs` is how many, or their names. One output is not a list.
  op(type, inputs, attributes = {}, outputs = 1, domain = '') {
    const names = Array.isArray(outputs)
      ? outputs
      : Array.from({ length: outputs }, () => this.fresh());
    this.nodes.push(
      join(
        ...inputs.map((name) => bytes(1, name)),
        ...names.map((name) => bytes(2, name)),
        bytes(3, `n${this.names++}`),
        bytes(4, type),
        ...Object.entries(attributes).map(([k, v]) =>
          bytes(5, attribute(k, v)),
        ),
        bytes(7, domain),
      ),
    );
    return names.length === 1 ? names[0] : names;
  }

  extension(type, inputs, attributes = {}, outputs = 1) {
    return this.op(type, inputs, attributes, outputs, EXTENSIONS);
  }

  finish() {
    const graph = join(
      ...this.nodes.map((node) => bytes(1, node)),
      bytes(2, 'model'),
      ...this.tensors.map((tensor) => bytes(5, tensor)),
      ...this.inputs.map((value) => bytes(11, value)),
      ...this.outputs.map((value) => bytes(12, value)),
    );
    const opset = (domain, version) =>
      bytes(8, join(bytes(1, domain), number(2, version)));
    fs.closeSync(this.data);
    fs.writeFileSync(
      this.file,
      join(number(1, 8), bytes(7, graph), opset('', 17), opset(EXTENSIONS, 1)),
    );
  }
}
