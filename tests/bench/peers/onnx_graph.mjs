// The ONNX graph of a model's shape, with random weights.
//
//   node onnx_graph.mjs MODEL FORM WEIGHTS OUT.onnx
//
// MODEL    a folder with the config.json of a bert, gpt2 or llama
// FORM     plain: the ops that exporters write; fused: ONNX Runtime's own
// WEIGHTS  f32; i8: int8 per column, activations quantized by row;
//          w8-BLOCK, w4-BLOCK: 8 or 4 bits with a scale for each BLOCK inputs,
//          computed with int8 activations
//
// A decoder takes ids [1, S], past_key_i and past_value_i [1, heads, P, head], and
// gives present_key_i, present_value_i and the logits of the last token.

import { shapeOf } from './onnx_shape.mjs';
import { GraphWriter } from './onnx_writer.mjs';

const [, , modelFolder, form, weights, file] = process.argv;
const fused = form === 'fused';
const {
  family,
  hidden,
  heads,
  layers,
  keyHeads,
  headSize,
  inner,
  positions,
  vocabulary,
  ropeTheta,
  ...shape
} = shapeOf(modelFolder);
const epsilon = { float: shape.epsilon };
const llama = family === 'llama';
const g = new GraphWriter(file);

//===- Parts --------------------------------------------------------------===//

// y = x W + b, W [inputs, outputs].
function linear(x, name, inputs, outputs, biased) {
  const bias = biased ? [g.weight(`${name}.b`, 'f32', [outputs])] : [];
  if (weights === 'f32') {
    const y = g.op('MatMul', [
      x,
      g.weight(`${name}.w`, 'f32', [inputs, outputs]),
    ]);
    return biased ? g.op('Add', [y, ...bias]) : y;
  }
  if (weights === 'i8') {
    const w = g.weight(`${name}.w`, 'i8', [inputs, outputs]);
    const scale = g.weight(`${name}.s`, 'f32', [outputs], 0.0004);
    return g.extension('DynamicQuantizeMatMul', [x, w, scale, '', ...bias]);
  }
  const [bits, block] = weights.slice(1).split('-').map(Number);
  if (inputs % block)
    throw new Error(`${name}: ${inputs} inputs, blocks of ${block}`);
  const count = inputs / block;
  const w = g.weight(`${name}.w`, 'u8', [outputs, count, (block * bits) / 8]);
  const scale = g.weight(
    `${name}.s`,
    'f32',
    [outputs * count],
    bits === 8 ? 0.0004 : 0.006,
  );
  return g.extension(
    'MatMulNBits',
    [x, w, scale, ...(biased ? ['', '', ...bias] : [])],
    { K: inputs, N: outputs, bits, block_size: block, accuracy_level: 4 },
  );
}

const gain = (name) => g.weight(`${name}.g`, 'f32', [hidden], 1);
const shift = (name) => g.weight(`${name}.b`, 'f32', [hidden], 0);

const layerNorm = (x, name) =>
  g.op('LayerNormalization', [x, gain(name), shift(name)], {
    axis: -1,
    epsilon,
  });

function rmsNorm(x, name) {
  if (fused)
    return g.op('SimplifiedLayerNormalization', [x, gain(name)], {
      axis: -1,
      epsilon,
      stash_type: 1,
    });
  const square = g.op('Pow', [x, g.scalar(2)]);
  const mean = g.op('ReduceMean', [square], { axes: [-1], keepdims: 1 });
  const root = g.op('Sqrt', [g.op('Add', [mean, g.scalar(epsilon.float)])]);
  const factor = g.op('Div', [g.scalar(1), root]);
  return g.op('Mul', [gain(name), g.op('Mul', [x, factor])]);
}

const norm = (x, name) => (llama ? rmsNorm(x, name) : layerNorm(x, name));

// [x + y, norm(x + y)]
function residualNorm(x, y, name) {
  if (!fused) {
    const sum = g.op('Add', [x, y]);
    return [sum, norm(sum, name)];
  }
  const [normed, sum] = [g.fresh(), g.fresh()];
  if (llama)
    g.extension(
      'SkipSimplifiedLayerNormalization',
      [x, y, gain(name)],
      { epsilon },
      [normed, '', '', sum],
    );
  else
    g.extension(
      'SkipLayerNormalization',
      [x, y, gain(name), shift(name)],
      { epsilon },
      [normed, '', '', sum],
    );
  return [sum, normed];
}

// [1, S, count * headSize] <-> [1, count, S, headSize]
const split = (x, count, perm = [0, 2, 1, 3]) =>
  g.op('Transpose', [g.op('Reshape', [x, g.integers(0, 0, count, headSize)])], {
    perm,
  });
const merge = (x) =>
  g.op('Reshape', [
    g.op('Transpose', [x], { perm: [0, 2, 1, 3] }),
    g.integers(0, 0, heads * headSize),
  ]);

// softmax(q kT / sqrt(headSize) + mask) v; kT [1, heads, headSize, T]
function attention(q, kT, v, mask) {
  const scale = g.scalar(Math.sqrt(headSize));
  let scores = g.op('Div', [g.op('MatMul', [q, kT]), scale]);
  if (mask) scores = g.op('Add', [scores, mask]);
  return merge(g.op('MatMul', [g.op('Softmax', [scores], { axis: -1 }), v]));
}

//===- BERT ---------------------------------------------------------------===//

function erfGelu(x, name) {
  if (fused && weights === 'f32')
    return g.extension('BiasGelu', [
      linear(x, name, hidden, inner, false),
      g.weight(`${name}.b`, 'f32', [inner]),
    ]);
  const up = linear(x, name, hidden, inner, true);
  if (fused) return g.extension('Gelu', [up]);
  const erf = g.op('Erf', [g.op('Div', [up, g.scalar(Math.SQRT2)])]);
  const gated = g.op('Mul', [up, g.op('Add', [erf, g.scalar(1)])]);
  return g.op('Mul', [gated, g.scalar(0.5)]);
}

function encoderAttention(x, p) {
  if (fused && weights === 'f32') {
    const w = g.weight(`${p}qkv.w`, 'f32', [hidden, 3 * hidden]);
    const b = g.weight(`${p}qkv.b`, 'f32', [3 * hidden]);
    return g.extension('Attention', [x, w, b], { num_heads: heads });
  }
  const [q, k, v] = ['q', 'k', 'v'].map((n) =>
    linear(x, p + n, hidden, hidden, true),
  );
  if (fused)
    return g.extension('MultiHeadAttention', [q, k, v], { num_heads: heads });
  return attention(
    split(q, heads),
    split(k, heads, [0, 2, 3, 1]),
    split(v, heads),
  );
}

function encoder() {
  g.input('ids', 'i64', [1, 'S']);
  const zero = g.constant('i64', [], [0]),
    one = g.constant('i64', [], [1]);
  const count = g.op('Gather', [g.op('Shape', ['ids']), one], { axis: 0 });
  const range = g.op('Range', [zero, count, one]);
  const rows = (name, size, index) =>
    g.op('Gather', [g.weight(name, 'f32', [size, hidden]), index], { axis: 0 });
  let x = g.op('Add', [
    rows('tokens', vocabulary, 'ids'),
    rows('positions', positions, range),
  ]);
  x = layerNorm(x, 'embedding');
  for (let i = 0; i < layers; i++) {
    const p = `layer${i}.`;
    const mixed = linear(encoderAttention(x, p), `${p}o`, hidden, hidden, true);
    [, x] = residualNorm(x, mixed, `${p}norm1`);
    const down = linear(erfGelu(x, `${p}up`), `${p}down`, inner, hidden, true);
    [, x] = residualNorm(x, down, `${p}norm2`);
  }
  g.op('Identity', [x], {}, ['hidden']);
  g.output('hidden', 'f32', [1, 'S', hidden]);
}

//===- GPT-2 and Llama ----------------------------------------------------===//

// What all layers share: positions, mask, tables of the rotation.
function shared() {
  const s = {},
    scalar = (value) => g.constant('i64', [], [value]);
  const one = scalar(1);
  const count = g.op('Gather', [g.op('Shape', ['ids']), one], { axis: 0 });
  let past;
  if (fused) {
    g.input('seqlens_k', 'i32', [1]);
    g.input('total_len', 'i32', [1]);
    s.total = g.op('Squeeze', ['total_len']);
    past = g.op('Sub', [g.op('Cast', [s.total], { to: 7 }), count]);
  } else
    past = g.op('Gather', [g.op('Shape', ['past_key_0']), scalar(2)], {
      axis: 0,
    });
  const end = g.op('Add', [count, past]);
  if (!llama || !fused) s.positions = g.op('Range', [past, end, one]);
  if (!fused) {
    const range = g.op('Range', [scalar(0), end, one]);
    const keys = g.op('Unsqueeze', [range, g.integers(0)]);
    const queries = g.op('Unsqueeze', [s.positions, g.integers(1)]);
    s.mask = g.op('Where', [
      g.op('LessOrEqual', [keys, queries]),
      g.scalar(0),
      g.scalar(-10000),
    ]);
  }
  if (llama) {
    const half = headSize / 2,
      most = Math.min(positions, 2048);
    const angles = Array.from(
      { length: most * half },
      (_, i) => Math.floor(i / half) * ropeTheta ** (-(i % half) / half),
    );
    const table = (f) => g.constant('f32', [most, half], angles.map(f));
    s.cos = table(Math.cos);
    s.sin = table(Math.sin);
    const rows = (t) => {
      const row = g.op('Gather', [t, s.positions], { axis: 0 });
      return g.op('Concat', [row, row], { axis: 1 });
    };
    if (!fused) [s.cosRows, s.sinRows] = [rows(s.cos), rows(s.sin)];
  }
  return s;
}

function rotate(x, s) {
  const slice = (from, to) =>
    g.op('Slice', [x, g.integers(from), g.integers(to), g.integers(3)]);
  const low = slice(0, headSize / 2),
    high = slice(headSize / 2, headSize);
  const turned = g.op('Concat', [g.op('Neg', [high]), low], { axis: 3 });
  return g.op('Add', [
    g.op('Mul', [x, s.cosRows]),
    g.op('Mul', [turned, s.sinRows]),
  ]);
}

// Each key head serves heads / keyHeads query heads.
function repeat(x) {
  if (keyHeads === heads) return x;
  const shape = g.integers(1, 1, heads / keyHeads, 1, 1);
  const wide = g.op('Expand', [g.op('Unsqueeze', [x, g.integers(2)]), shape]);
  return g.op('Reshape', [wide, g.integers(1, heads, -1, headSize)]);
}

function projections(h, p) {
  const width = keyHeads * headSize;
  if (!llama) return [linear(h, `${p}qkv`, hidden, 3 * hidden, true)];
  return [
    linear(h, `${p}q`, hidden, heads * headSize),
    linear(h, `${p}k`, hidden, width),
    linear(h, `${p}v`, hidden, width),
  ];
}

function decoderAttention(h, i, s) {
  const past = ['key', 'value'].map((n) => `past_${n}_${i}`);
  const present = ['key', 'value'].map((n) => `present_${n}_${i}`);
  const all = projections(h, `layer${i}.`);
  if (fused) {
    const qkv = llama ? all : [...all, '', ''];
    const tables = llama ? [s.cos, s.sin] : [];
    const [mixed] = g.extension(
      'GroupQueryAttention',
      [...qkv, ...past, 'seqlens_k', s.total, ...tables],
      { num_heads: heads, kv_num_heads: keyHeads, do_rotary: llama ? 1 : 0 },
      [g.fresh(), ...present],
    );
    return mixed;
  }
  const rows = llama
    ? all
    : g.op(
        'Split',
        [...all, g.integers(hidden, hidden, hidden)],
        { axis: -1 },
        3,
      );
  let [q, k, v] = rows.map((x, n) => split(x, n ? keyHeads : heads));
  if (llama) [q, k] = [rotate(q, s), rotate(k, s)];
  const keys = g.op('Concat', [past[0], k], { axis: 2 }, [present[0]]);
  const values = g.op('Concat', [past[1], v], { axis: 2 }, [present[1]]);
  const kT = g.op('Transpose', [repeat(keys)], { perm: [0, 1, 3, 2] });
  return attention(q, kT, repeat(values), s.mask);
}

function tanhGelu(x, name) {
  if (fused && weights === 'f32')
    return g.extension('FastGelu', [
      linear(x, name, hidden, inner, false),
      g.weight(`${name}.b`, 'f32', [inner]),
    ]);
  const up = linear(x, name, hidden, inner, true);
  if (fused) return g.extension('FastGelu', [up]);
  const cubic = g.op('Mul', [
    g.op('Pow', [up, g.scalar(3)]),
    g.scalar(0.044715),
  ]);
  const inside = g.op('Mul', [
    g.op('Add', [up, cubic]),
    g.scalar(Math.sqrt(2 / Math.PI)),
  ]);
  const gate = g.op('Add', [g.op('Tanh', [inside]), g.scalar(1)]);
  return g.op('Mul', [g.op('Mul', [up, g.scalar(0.5)]), gate]);
}

function gatedSilu(x, p) {
  const gate = linear(x, `${p}gate`, hidden, inner);
  const silu = g.op('Mul', [gate, g.op('Sigmoid', [gate])]);
  return g.op('Mul', [silu, linear(x, `${p}up`, hidden, inner)]);
}

function decoder() {
  g.input('ids', 'i64', [1, 'S']);
  for (let i = 0; i < layers; i++)
    for (const name of ['key', 'value']) {
      g.input(`past_${name}_${i}`, 'f32', [1, keyHeads, 'P', headSize]);
      g.output(`present_${name}_${i}`, 'f32', [1, keyHeads, 'T', headSize]);
    }
  const s = shared();
  const rows = (name, size, index) =>
    g.op('Gather', [g.weight(name, 'f32', [size, hidden]), index], { axis: 0 });
  let x = rows('tokens', vocabulary, 'ids');
  if (!llama) x = g.op('Add', [x, rows('positions', positions, s.positions)]);
  let h = norm(x, 'norm0');
  for (let i = 0; i < layers; i++) {
    const p = `layer${i}.`;
    const mixed = decoderAttention(h, i, s);
    const out = linear(mixed, `${p}o`, heads * headSize, hidden, !llama);
    [x, h] = residualNorm(x, out, `${p}norm1`);
    const act = llama ? gatedSilu(h, p) : tanhGelu(h, `${p}up`);
    [x, h] = residualNorm(
      x,
      linear(act, `${p}down`, inner, hidden, !llama),
      `${p}norm2`,
    );
  }
  const last = g.op('Slice', [
    h,
    g.integers(-1),
    g.integers(2 ** 30),
    g.integers(1),
  ]);
  g.op('Identity', [linear(last, 'head', hidden, vocabulary)], {}, ['logits']);
  g.output('logits', 'f32', [1, 1, vocabulary]);
}

if (family === 'bert') encoder();
else decoder();
g.finish();
