// Times ONNX Runtime on a graph of onnx_graph.mjs.
//
//   node onnx_bench.mjs MODULES MODEL GRAPH.onnx PHASE TOKENS THREADS
//
// MODULES is the folder above node_modules, MODEL that of the config.json. PHASE
// is encode or prompt (of TOKENS), decode (a token behind TOKENS) or first (from
// opening the model to the logits of a prompt). Prints {"milliseconds": median,
// "version": text}: of three runs at least and a second in all, behind one that
// is not counted.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { shapeOf } from './onnx_shape.mjs';

const [, , modules, model, file, phase, tokenText, threadText] = process.argv;
const require = createRequire(path.resolve(modules, 'package.json'));
const ort = require('onnxruntime-node');
const { layers, keyHeads, headSize, vocabulary } = shapeOf(model);
const tokens = Number(tokenText);
const decode = phase === 'decode';
const count = decode ? 1 : tokens,
  past = decode ? tokens : 0;

const open = () =>
  ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(threadText),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
    extra: {
      session: {
        intra_op: { allow_spinning: '1' },
        use_device_allocator_for_initializers: '1',
      },
    },
  });

// The inputs of a run, and where its outputs go: GroupQueryAttention appends to
// the cache in place when both are the same tensor.
function arguments_(session) {
  const grouped = session.inputNames.includes('seqlens_k');
  const ids = BigInt64Array.from({ length: count }, (_, i) =>
    BigInt((i * 7919 + 13) % vocabulary),
  );
  const feeds = { ids: new ort.Tensor('int64', ids, [1, count]) };
  const fetches = {};
  for (const name of session.outputNames) fetches[name] = null;
  const rows = grouped ? past + count : past;
  for (let i = 0; i < layers; i++)
    for (const kind of ['key', 'value']) {
      if (!session.inputNames.includes(`past_${kind}_${i}`)) continue;
      const data = new Float32Array(keyHeads * rows * headSize).fill(0.01);
      const cache = new ort.Tensor('float32', data, [
        1,
        keyHeads,
        rows,
        headSize,
      ]);
      feeds[`past_${kind}_${i}`] = cache;
      if (grouped) fetches[`present_${kind}_${i}`] = cache;
    }
  if (grouped) {
    const length = past + count;
    feeds.seqlens_k = new ort.Tensor('int32', Int32Array.of(length - 1), [1]);
    feeds.total_len = new ort.Tensor('int32', Int32Array.of(length), [1]);
  }
  return { feeds, fetches };
}

const begin = performance.now();
const session = await open();
const { feeds, fetches } = arguments_(session);
const times = [];
const run = async (from) => {
  const result = await session.run(feeds, fetches);
  times.push(performance.now() - from);
  const values = (result.logits ?? result.hidden).data;
  if (!Number.isFinite(values[0]))
    throw new Error('the outputs are not finite');
};
if (phase === 'first') await run(begin);
else {
  await run(performance.now());
  times.length = 0;
  const start = performance.now();
  while (times.length < 3 || performance.now() - start < 1000)
    await run(performance.now());
}
times.sort((a, b) => a - b);
const manifest = path.resolve(
  modules,
  'node_modules/onnxruntime-node/package.json',
);
const { version } = JSON.parse(fs.readFileSync(manifest));
console.log(
  JSON.stringify({ milliseconds: times[times.length >> 1], version }),
);
process.exit(0);
