"""Encoders of images: ViT, DeiT, DINOv2, and CLIP's and SigLIP's."""

import numpy as np

from .attention import attend, heads_of
from .cases import case, covers, labels, without
from .functions import ACTIVATIONS, silu

# Names of modules: embeddings, layers, and in a layer query, key, value, output,
# the norms, the two linears of the feed-forward; the norm behind all layers.
VIT_LAYER = ("attention.attention.query", "attention.attention.key",
             "attention.attention.value", "attention.output.dense",
             "layernorm_before", "layernorm_after", "intermediate.dense",
             "output.dense")
DINO_LAYER = VIT_LAYER[:4] + ("norm1", "norm2", "mlp.fc1", "mlp.fc2")
TOWER_LAYER = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
               "self_attn.out_proj", "layer_norm1", "layer_norm2", "mlp.fc1",
               "mlp.fc2")
TOWER = ("vision_model.embeddings.", "vision_model.encoder.layers.",
         TOWER_LAYER, "vision_model.post_layernorm")
IMAGE_NAMES = {
    "vit": ("vit.embeddings.", "vit.encoder.layer.", VIT_LAYER,
            "vit.layernorm"),
    "deit": ("deit.embeddings.", "deit.encoder.layer.", VIT_LAYER,
             "deit.layernorm"),
    "dinov2": ("embeddings.", "encoder.layer.", DINO_LAYER, "layernorm"),
    "clip_vision_model": TOWER, "siglip_vision_model": TOWER}
DINO_CLASSIFIER = ("dinov2.embeddings.", "dinov2.encoder.layer.", DINO_LAYER,
                   "dinov2.layernorm")
IMAGE_EPS = {"clip_vision_model": 1e-5, "siglip_vision_model": 1e-6}


def image_names(c):
    """A classifier stores the encoder under its name."""
    if c["model_type"] == "dinov2" and "id2label" in c:
        return DINO_CLASSIFIER
    return IMAGE_NAMES[c["model_type"]]


def height_and_width(size):
    return tuple(size) if isinstance(size, list) else (size, size)


def patch_grid(c):
    (height, width), (tall, wide) = map(height_and_width,
                                        (c["image_size"], c["patch_size"]))
    return height // tall, width // wide, tall, wide


def image_rows(model, pixels, at, tower):
    """A convolution whose stride is its kernel, the learned rows before its
    results, positions."""
    down, across, tall, wide = patch_grid(model.config)
    pixels = pixels.astype(model.dtype)[:, :, :down * tall, :across * wide]
    batch, channels = pixels.shape[:2]
    pixels = pixels.reshape(batch, channels, down, tall, across, wide)
    if model.get("_by_columns"):
        pixels = pixels.transpose(0, 1, 4, 3, 2, 5)
    name = "patch_embedding" if tower else "patch_embeddings.projection"
    rows = np.einsum("bcyixj,ocij->byxo", pixels, model.weight(
        at + name + ".weight"), optimize=True)
    rows = rows.reshape(batch, down * across, -1)
    rows = rows + model.weights.get(at + name + ".bias", 0)
    before = [model.weights[at + token] for token in
              ("cls_token", "distillation_token", "class_embedding")
              if at + token in model.weights]
    if model.get("_prefix_last"):
        before.reverse()
    before = [np.broadcast_to(token.reshape(1, 1, -1),
                              (batch, 1, rows.shape[2])) for token in before]
    rows = np.concatenate(before + [rows], 1)
    table = "position_embedding.weight" if tower else "position_embeddings"
    return rows + model.weight(at + table).reshape(-1, rows.shape[2])


def image_kind(model, inputs):
    """vit, deit, dinov2, clip and siglip vision: behind the layers."""
    family, heads = model["model_type"], model["num_attention_heads"]
    at, layers, names, _ = image_names(model.config)
    eps = model.get("layer_norm_eps", IMAGE_EPS.get(family))
    act = ACTIVATIONS[model["hidden_act"]]
    tower = family.endswith("_vision_model")
    x = image_rows(model, inputs["pixel_values"], at, tower)
    if family == "clip_vision_model" and not model.get("_no_first_norm"):
        x = model.layer_norm(x, "vision_model.pre_layrnorm", eps)
    everything = np.ones((1, 1, 1, x.shape[1]), bool)
    for layer in range(model["num_hidden_layers"]):
        query, key, value, output, before, after, up, down = [
            f"{layers}{layer}.{name}" for name in names]
        y = model.layer_norm(x, before, eps)
        q, k, v = [heads_of(model.linear(y, name), heads)
                   for name in (query, key, value)]
        y = model.linear(attend(model, q, k, v, everything), output)
        scales = [model.weights.get(f"{layers}{layer}.layer_scale{i}.lambda1", 1)
                  for i in (1, 2)]
        x = x + scales[0] * y
        y = model.layer_norm(x, after, eps)
        if model.get("use_swiglu_ffn"):
            mlp = f"{layers}{layer}.mlp."
            first, second = np.split(model.linear(y, mlp + "weights_in"), 2, -1)
            if model.get("_second_half_active"):
                first, second = second, first
            y = model.linear(silu(first) * second, mlp + "weights_out")
        else:
            y = model.linear(act(model.linear(y, up)), down)
        x = x + scales[1] * y
    return x


def image_model(model, inputs):
    x = image_kind(model, inputs)
    family, norm = model["model_type"], image_names(model.config)[3]
    eps = model.get("layer_norm_eps", IMAGE_EPS.get(family))
    normal = model.layer_norm(x, norm, eps)
    token = model.get("_token", 0)
    first = normal[:, token]
    if "cls_classifier.weight" in model.weights:
        both = {f"{name}_logits": model.linear(
            normal[:, i], f"{name}_classifier")
            for i, name in enumerate(("cls", "distillation"))}
        return {"logits": (both["cls_logits"] +
                           both["distillation_logits"]) / 2,
                **both, "last_hidden_state": normal}
    if family == "dinov2" and "classifier.weight" in model.weights:
        patches = normal[:, model.get("_patches_from", 1):].mean(1)
        both = [first, patches]
        if model.get("_mean_first"):
            both.reverse()
        return {"logits": model.linear(np.concatenate(both, -1), "classifier"),
                "last_hidden_state": normal}
    if "classifier.weight" in model.weights:
        return {"logits": model.linear(first, "classifier"),
                "last_hidden_state": x}
    if family == "clip_vision_model":
        return {"image_embeds": model.linear(first, "visual_projection"),
                "last_hidden_state": x}
    if family == "dinov2":
        return {"pooler_output": first, "last_hidden_state": normal}
    if family == "siglip_vision_model":
        return {"last_hidden_state": normal}
    pooled = np.tanh(model.linear(first, IMAGE_NAMES[family][0].replace(
        "embeddings.", "pooler.dense")))
    return {"pooler_output": pooled, "last_hidden_state": normal}


def image_shapes(c):
    family, d = c["model_type"], c["hidden_size"]
    ff = c["mlp_ratio"] * d if "mlp_ratio" in c else c["intermediate_size"]
    at, layers, names, norm = image_names(c)
    tower = family.endswith("_vision_model")
    down, across, tall, wide = patch_grid(c)
    patch = "patch_embedding" if tower else "patch_embeddings.projection"
    shapes = {at + patch + ".weight": (d, c["num_channels"], tall, wide)}
    if family != "clip_vision_model":
        shapes[at + patch + ".bias"] = (d,)
    tokens = {"deit": ("cls_token", "distillation_token"),
              "siglip_vision_model": (),
              "clip_vision_model": ("class_embedding",)}.get(family,
                                                             ("cls_token",))
    for token in tokens:
        shapes[at + token] = (d,) if tower else (1, 1, d)
    rows = len(tokens) + down * across
    if tower:
        shapes[at + "position_embedding.weight"] = (rows, d)
    else:
        shapes[at + "position_embeddings"] = (1, rows, d)
    for layer in range(c["num_hidden_layers"]):
        where = f"{layers}{layer}."
        inner = {name: (d, d) for name in names[:4]}
        if c.get("use_swiglu_ffn"):
            half = (ff * 2 // 3 + 7) // 8 * 8
            inner.update({"mlp.weights_in": (2 * half, d),
                          "mlp.weights_out": (d, half)})
        else:
            inner.update({names[6]: (ff, d), names[7]: (d, ff)})
        for name, shape in inner.items():
            shapes[where + name + ".weight"] = shape
            if c.get("qkv_bias", True) or name not in names[:3]:
                shapes[where + name + ".bias"] = shape[:1]
        for name in names[4:6]:
            shapes[where + name + ".weight"] = (d,)
            shapes[where + name + ".bias"] = (d,)
        if family == "dinov2":
            for i in (1, 2):
                shapes[f"{where}layer_scale{i}.lambda1"] = (d,)
    for name in [norm] + (["vision_model.pre_layrnorm"]
                          if family == "clip_vision_model" else []):
        shapes[name + ".weight"] = shapes[name + ".bias"] = (d,)
    if "id2label" in c:
        width = 2 * d if family == "dinov2" else d
        teacher = c["architectures"][0].endswith("WithTeacher")
        for name in (["cls_classifier", "distillation_classifier"] if teacher
                     else ["classifier"]):
            shapes[name + ".weight"] = (len(c["id2label"]), width)
            shapes[name + ".bias"] = (len(c["id2label"]),)
    elif family in ("vit", "deit"):
        pooler = IMAGE_NAMES[family][0].replace("embeddings.", "pooler.dense")
        shapes[pooler + ".weight"], shapes[pooler + ".bias"] = (d, d), (d,)
    if "projection_dim" in c:
        shapes["visual_projection.weight"] = (c["projection_dim"], d)
    return shapes


covers(image_model, "vit_classifier")

VIT = {"attention_probs_dropout_prob": 0.0, "encoder_stride": 16,
       "hidden_act": "gelu", "hidden_dropout_prob": 0.0,
       "initializer_range": 0.02, "layer_norm_eps": 1e-12, "num_channels": 3,
       "num_hidden_layers": 2}
IMAGE_CHANGES = {"patches column by column": {"_by_columns": True},
                 "bias of the patches left out":
                     {"_without": "projection.bias"}}

case("vit_oblong", "ViTModel",
     {**VIT, "hidden_size": 40, "image_size": [19, 13], "intermediate_size": 52,
      "model_type": "vit", "num_attention_heads": 5, "num_channels": 1,
      "patch_size": [4, 5], "qkv_bias": True},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "last row": {"_token": -1},
      "biases of query, key, value left out":
          {"_without": "attention.attention.*bias"},
      "gelu by tanh": {"hidden_act": "gelu_new"}},
     "4 x 2 patches of 4 x 5 pixels; the image's lower and right edge are not "
     "read; one channel", kind="image", gain=1.2,
     outputs=("pooler_output", "last_hidden_state"))

case("deit_classifier", "DeiTForImageClassification",
     {**VIT, "hidden_size": 36, "image_size": 21, "intermediate_size": 44,
      "model_type": "deit", "num_attention_heads": 3, "patch_size": 7,
      "qkv_bias": True, "layer_norm_eps": 1e-5, **labels(3)},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "distillation token in front": {"_prefix_last": True},
      "reads the distillation token": {"_token": 1},
      "gelu by tanh": {"hidden_act": "gelu_new"}},
     "class token and distillation token; the classifier reads the former",
     kind="image", gain=1.2,
     outputs=("logits", "last_hidden_state"))

DINO = {**without(VIT, "encoder_stride"), "apply_layernorm": True,
        "drop_path_rate": 0.0, "layer_norm_eps": 1e-6, "layerscale_value": 1.0,
        "model_type": "dinov2", "out_features": ["stage2"], "out_indices": [2],
        "qkv_bias": True, "reshape_hidden_states": True,
        "stage_names": ["stem", "stage1", "stage2"]}
DINO_CHANGES = {"scale behind attention left out": {"_without": "scale1"},
                "scale behind feed-forward left out": {"_without": "scale2"}}

case("dinov2", "Dinov2Model",
     {**DINO, "hidden_size": 40, "image_size": 21, "mlp_ratio": 2,
      "num_attention_heads": 5, "patch_size": 6,
      "use_swiglu_ffn": False},
     image_model, image_shapes,
     {**IMAGE_CHANGES, **DINO_CHANGES, "last row": {"_token": -1},
      "gelu by tanh": {"hidden_act": "gelu_new"}},
     "LayerScale; 21 pixels in patches of 6", kind="image", gain=1.2,
     outputs=("pooler_output", "last_hidden_state"))

case("dinov2_gated", "Dinov2Model",
     {**DINO, "hidden_size": 36, "image_size": 15, "mlp_ratio": 3,
      "num_attention_heads": 3, "patch_size": 5,
      "use_swiglu_ffn": True},
     image_model, image_shapes,
     {**IMAGE_CHANGES, **DINO_CHANGES,
      "second half active": {"_second_half_active": True}},
     "LayerScale; gated feed-forward, 72 wide", kind="image", gain=1.2,
     outputs=("pooler_output", "last_hidden_state"))

case("dinov2_classifier", "Dinov2ForImageClassification",
     {**DINO, "hidden_size": 36, "image_size": 19, "mlp_ratio": 2,
      "num_attention_heads": 3, "patch_size": 6, "use_swiglu_ffn": False,
      **labels(5)},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "mean in front": {"_mean_first": True},
      "mean of all rows": {"_patches_from": 0},
      "last row": {"_token": -1}},
     "the classifier reads the class token and the mean of the patches",
     kind="image", gain=1.2, outputs=("logits", "last_hidden_state"))

case("deit_teacher", "DeiTForImageClassificationWithTeacher",
     {**VIT, "hidden_size": 36, "image_size": 21, "intermediate_size": 44,
      "model_type": "deit", "num_attention_heads": 3, "patch_size": 7,
      "qkv_bias": True, "layer_norm_eps": 1e-5, **labels(3)},
     image_model, image_shapes,
     {**IMAGE_CHANGES, "distillation token in front": {"_prefix_last": True},
      "bias of one classifier left out":
          {"_without": "distillation_classifier.bias"}},
     "two classifiers, of the class token and the distillation token, and "
     "their mean; last_hidden_state is behind the norm",
     kind="image", gain=1.2,
     outputs=("logits", "cls_logits", "distillation_logits",
              "last_hidden_state"))
