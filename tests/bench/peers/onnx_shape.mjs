// A model's shape, from its config.json.

import fs from 'node:fs';
import path from 'node:path';

export function shapeOf(folder) {
  const config = JSON.parse(fs.readFileSync(path.join(folder, 'config.json')));
  const hidden = config.hidden_size ?? config.n_embd;
  const heads = config.num_attention_heads ?? config.n_head;
  return {
    family: config.model_type,
    hidden,
    heads,
    layers: config.num_hidden_layers ?? config.n_layer,
    keyHeads: config.num_key_value_heads ?? heads,
    headSize: config.head_dim ?? hidden / heads,
    inner: config.intermediate_size ?? config.n_inner ?? 4 * hidden,
    positions: config.max_position_embeddings ?? config.n_positions,
    vocabulary: config.vocab_size,
    ropeTheta: config.rope_theta,
    epsilon:
      config.layer_norm_eps ?? config.layer_norm_epsilon ?? config.rms_norm_eps,
  };
}
