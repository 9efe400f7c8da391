"""CLIP and SigLIP: two towers in one folder, and image towers alone."""

import numpy as np

from .attention import attend, causal, heads_of, real_tokens
from .cases import case, labels, without
from .functions import ACTIVATIONS
from .images import TOWER_LAYER, image_kind, image_model, image_shapes
from .positions import column_positions


def text_rows(model, inputs):
    """Of the text tower, behind the norm; clip's tokens see those before."""
    clip = model["model_type"] == "clip_text_model"
    heads, eps = model["num_attention_heads"], model["layer_norm_eps"]
    act, at = ACTIVATIONS[model["hidden_act"]], "text_model."
    ids = inputs["input_ids"]
    x = model.weight(at + "embeddings.token_embedding.weight")[ids]
    x = x + model.weight(at + "embeddings.position_embedding.weight")[
        column_positions(inputs)]
    allowed = real_tokens(inputs)[:, None, None, :]
    if clip and not model.get("_sees_ahead"):
        allowed = allowed & causal(ids.shape[1])
    for layer in range(model["num_hidden_layers"]):
        query, key, value, output, before, after, up, down = [
            f"{at}encoder.layers.{layer}.{name}" for name in TOWER_LAYER]
        y = model.layer_norm(x, before, eps)
        q, k, v = [heads_of(model.linear(y, name), heads)
                   for name in (query, key, value)]
        x = x + model.linear(attend(model, q, k, v, allowed), output)
        y = model.layer_norm(x, after, eps)
        x = x + model.linear(act(model.linear(y, up)), down)
    return model.layer_norm(x, at + "final_layer_norm", eps)


def text_tower(model, inputs):
    part = model.inner("text_config")
    x, ids = text_rows(part, inputs), inputs["input_ids"]
    if model["model_type"] == "siglip":
        pooled = x[:, model.get("_token", -1)]
        return {"text_embeds": part.linear(pooled, "text_model.head"),
                "last_hidden_state": x}
    end = part["eos_token_id"]
    # Where there is none, the first one.
    at = (ids.argmax(-1) if end == 2 else (ids == end).argmax(-1))
    pooled = x[np.arange(len(ids)), model.get("_token", at)]
    return {"text_embeds": part.linear(pooled, "text_projection"),
            "last_hidden_state": x}


def probed(model, rows):
    """torch's MultiheadAttention of the probe, then x + mlp(norm(x))."""
    heads, at = model["num_attention_heads"], "vision_model.head."
    probe = np.broadcast_to(model.weight(at + "probe"),
                            (rows.shape[0], 1, rows.shape[2]))
    weights = np.split(model.weight(at + "attention.in_proj_weight"), 3)
    biases = np.split(model.weight(at + "attention.in_proj_bias"), 3)
    q, k, v = [heads_of(of @ w.T + b, heads) for of, w, b in
               zip((probe, rows, rows), weights, biases)]
    everything = np.ones((1, 1, 1, rows.shape[1]), bool)
    x = model.linear(attend(model, q, k, v, everything),
                     at + "attention.out_proj")
    y = model.layer_norm(x, at + "layernorm", model["layer_norm_eps"])
    act = ACTIVATIONS[model["hidden_act"]]
    y = model.linear(act(model.linear(y, at + "mlp.fc1")), at + "mlp.fc2")
    return (y if model.get("_no_residual") else x + y)[:, 0]


def image_tower(model, inputs):
    part, clip = model.inner("vision_config"), model["model_type"] == "clip"
    x = image_kind(part, inputs)
    normal = part.layer_norm(x, "vision_model.post_layernorm",
                             part["layer_norm_eps"])
    rows = x if clip else normal
    if "classifier.weight" in model.weights:
        mean = rows[:, model.get("_patches_from", 1 if clip else 0):].mean(1)
        return {"logits": model.linear(mean, "classifier"),
                "last_hidden_state": rows}
    if clip:
        embeds = part.linear(normal[:, 0], "visual_projection")
    else:
        embeds = probed(part, normal)
    return {"image_embeds": embeds, "last_hidden_state": rows}


def tower_shapes(c):
    clip, text, image = (c["model_type"] == "clip", c["text_config"],
                         c["vision_config"])
    shapes = image_shapes(image)
    wide, d = image["intermediate_size"], image["hidden_size"]
    if not clip:
        at = "vision_model.head."
        shapes[at + "probe"] = (1, 1, d)
        shapes[at + "attention.in_proj_weight"] = (3 * d, d)
        shapes[at + "attention.in_proj_bias"] = (3 * d,)
        for name, shape in {"attention.out_proj": (d, d), "mlp.fc1": (wide, d),
                            "mlp.fc2": (d, wide)}.items():
            shapes[at + name + ".weight"] = shape
            shapes[at + name + ".bias"] = shape[:1]
        shapes[at + "layernorm.weight"] = shapes[at + "layernorm.bias"] = (d,)
    if "id2label" in c:
        shapes["classifier.weight"] = (len(c["id2label"]), d)
        shapes["classifier.bias"] = (len(c["id2label"]),)
        return shapes
    width, ff = text["hidden_size"], text["intermediate_size"]
    at = "text_model."
    shapes[at + "embeddings.token_embedding.weight"] = (text["vocab_size"],
                                                        width)
    shapes[at + "embeddings.position_embedding.weight"] = (
        text["max_position_embeddings"], width)
    for layer in range(text["num_hidden_layers"]):
        inner = {name: (width, width) for name in TOWER_LAYER[:4]}
        inner.update({TOWER_LAYER[4]: (width,), TOWER_LAYER[5]: (width,),
                      TOWER_LAYER[6]: (ff, width), TOWER_LAYER[7]: (width, ff)})
        for name, shape in inner.items():
            where = f"{at}encoder.layers.{layer}.{name}"
            shapes[where + ".weight"] = shape
            shapes[where + ".bias"] = shape[:1]
    norm = at + "final_layer_norm"
    shapes[norm + ".weight"] = shapes[norm + ".bias"] = (width,)
    shapes["logit_scale"] = () if clip else (1,)
    if clip:
        shapes["text_projection.weight"] = (c["projection_dim"], width)
        shapes["visual_projection.weight"] = (c["projection_dim"], d)
    else:
        shapes["logit_bias"] = (1,)
        shapes[at + "head.weight"] = (width, width)
        shapes[at + "head.bias"] = (width,)
    return shapes


CLIP = {"attention_dropout": 0.0, "initializer_range": 0.02, "num_channels": 3,
        "num_hidden_layers": 2}

case("clip_vision", "CLIPVisionModelWithProjection",
     {**CLIP, "hidden_act": "quick_gelu", "hidden_size": 40, "image_size": 20,
      "initializer_factor": 1.0, "intermediate_size": 56,
      "layer_norm_eps": 1e-5, "model_type": "clip_vision_model",
      "num_attention_heads": 5, "patch_size": 5, "projection_dim": 22},
     image_model, image_shapes,
     {"patches column by column": {"_by_columns": True},
      "first norm left out": {"_no_first_norm": True}, "gelu":
      {"hidden_act": "gelu"}, "last row": {"_token": -1}},
     "class token, norm in front of the layers; last_hidden_state is in front "
     "of the last norm, image_embeds behind it and a projection",
     kind="image", gain=1.2,
     outputs=("image_embeds", "last_hidden_state"))

case("siglip_vision", "SiglipVisionModel",
     {**CLIP, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 36,
      "image_size": 18, "intermediate_size": 46, "layer_norm_eps": 1e-6,
      "model_type": "siglip_vision_model", "num_attention_heads": 3,
      "patch_size": 6, "vision_use_head": False},
     image_model, image_shapes,
     {"patches column by column": {"_by_columns": True},
      "bias of the patches left out": {"_without": "patch_embedding.bias"},
      "gelu by erf": {"hidden_act": "gelu"}},
     "no class token; norm behind the layers, no pooling", kind="image",
     gain=1.2,
     outputs=("last_hidden_state",))

CLIP_TEXT = {"attention_dropout": 0.0, "bos_token_id": 3, "eos_token_id": 50,
             "hidden_act": "quick_gelu", "hidden_size": 36,
             "initializer_factor": 1.0, "initializer_range": 0.02,
             "intermediate_size": 46, "layer_norm_eps": 1e-5,
             "max_position_embeddings": 34, "model_type": "clip_text_model",
             "num_attention_heads": 3, "num_hidden_layers": 2,
             "pad_token_id": 1, "projection_dim": 512, "vocab_size": 53}
CLIP_IMAGE = {**CLIP, "hidden_act": "quick_gelu", "hidden_size": 40,
              "image_size": 16, "initializer_factor": 1.0,
              "intermediate_size": 52, "layer_norm_eps": 1e-5,
              "model_type": "clip_vision_model", "num_attention_heads": 5,
              "patch_size": 5}
CLIP_BOTH = {"initializer_factor": 1.0, "logit_scale_init_value": 2.6592,
             "model_type": "clip", "projection_dim": 22,
             "text_config": CLIP_TEXT, "vision_config": CLIP_IMAGE}
SIGLIP_TEXT = {**without(CLIP_TEXT, "initializer_factor", "projection_dim"),
               "hidden_act": "gelu_pytorch_tanh", "layer_norm_eps": 1e-6,
               "model_type": "siglip_text_model"}
SIGLIP_IMAGE = {**without(CLIP_IMAGE, "initializer_factor"),
                "hidden_act": "gelu_pytorch_tanh", "hidden_size": 36,
                "layer_norm_eps": 1e-6, "model_type": "siglip_vision_model",
                "num_attention_heads": 3}
SIGLIP_BOTH = {"initializer_factor": 1.0, "model_type": "siglip",
               "text_config": SIGLIP_TEXT, "vision_config": SIGLIP_IMAGE}

case("clip_text_tower", "CLIPModel", CLIP_BOTH, text_tower, tower_shapes,
     {"all tokens see all": {"_sees_ahead": True}, "last token": {"_token": -1},
      "gelu": {"text_config": {**CLIP_TEXT, "hidden_act": "gelu"}},
      "2 ends a text": {"text_config": {**CLIP_TEXT, "eos_token_id": 2}}},
     "the text tower of both; the end token is not the last one",
     kind="classifier", outputs=["text_embeds"], tower="text", end=50, pad=1,
     source="last_hidden_state")

case("clip_image_tower", "CLIPModel", CLIP_BOTH, image_tower, tower_shapes,
     {"patches column by column": {"_by_columns": True},
      "first norm left out": {"_no_first_norm": True},
      "gelu": {"vision_config": {**CLIP_IMAGE, "hidden_act": "gelu"}}},
     "the image tower of both", kind="image", gain=1.2, tower="vision",
     outputs=("image_embeds", "last_hidden_state"))

case("clip_classifier", "CLIPForImageClassification",
     {**CLIP_BOTH, **labels(3)}, image_tower, tower_shapes,
     {"mean of all rows": {"_patches_from": 0},
      "first norm left out": {"_no_first_norm": True}},
     "the classifier reads the mean of the patches in front of the last norm",
     kind="image", gain=1.2, outputs=("logits", "last_hidden_state"))

case("siglip_text_tower", "SiglipModel", SIGLIP_BOTH, text_tower, tower_shapes,
     {"the first token": {"_token": 0},
      "bias of the head left out": {"_without": "text_model.head.bias"},
      "gelu by erf": {"text_config": {**SIGLIP_TEXT, "hidden_act": "gelu"}}},
     "the text tower of both: the last row, tokens without a mask",
     kind="classifier", outputs=["text_embeds"], tower="text", unpadded=True,
     source="last_hidden_state")

case("siglip_image_tower", "SiglipModel", SIGLIP_BOTH, image_tower,
     tower_shapes,
     {"no residual behind the probe": {"_no_residual": True},
      "bias of the patches left out": {"_without": "patch_embedding.bias"},
      "biases of the probe's attention left out":
          {"_without": "head.attention.out_proj.bias"},
      "gelu by erf": {"vision_config": {**SIGLIP_IMAGE, "hidden_act": "gelu"}}},
     "the image tower of both: a probe's attention to the patches",
     kind="image", gain=1.2, tower="vision",
     outputs=("image_embeds", "last_hidden_state"))

case("siglip_classifier", "SiglipForImageClassification",
     {**SIGLIP_BOTH, **labels(4)}, image_tower, tower_shapes,
     {"without the first patch": {"_patches_from": 1},
      "bias of the patches left out": {"_without": "patch_embedding.bias"}},
     "the classifier reads the mean of the patches behind the last norm",
     kind="image", gain=1.2, outputs=("logits", "last_hidden_state"))
