/// Models, adapters and data of the Hugging Face hub by name: fetched into the hub's own cache,
/// found there again, and published.
///
/// The cache is laid out as Python's `huggingface_hub` lays it out, so both share it. Nothing is
/// fetched unless a [dev.nudge.hub.Hub] is asked for it, and only files that cannot run code are:
/// safetensors, GGUF, JSON, text, templates, Parquet.
///
/// Knows nothing about models, weights and training: a name becomes a folder. Reads no environment:
/// [dev.nudge.hub.HubSettings#of] is handed one. Read [dev.nudge.hub.Hub] first, then
/// `Snapshots` and `Download`.
@NullMarked
package dev.nudge.hub;

import org.jspecify.annotations.NullMarked;
