/// Downloads models, adapters and data of the Hugging Face hub by name into the hub's own cache,
/// finds them there, and publishes folders.
///
/// The cache has the layout of Python's `huggingface_hub`, so both share it. Only calls of a
/// [dev.nudge.hub.Hub] download anything, and only files that cannot run code: safetensors, GGUF,
/// JSON, text, templates, Parquet.
///
/// Knows nothing about models, weights and training: a name becomes a folder. Reads no environment:
/// the caller passes it to [dev.nudge.hub.HubSettings#of]. Read [dev.nudge.hub.Hub] first, then
/// `Snapshots` and `Download`.
@NullMarked
package dev.nudge.hub;

import org.jspecify.annotations.NullMarked;
