/// Turns files of rows into token ids with a mask of what is trained, and says which rows an
/// optimiser step takes.
///
/// A file's lines become rows ([RowReader]), a row becomes a prompt and a completion or a text
/// ([RowShape], with the columns put in by [RowPattern]), and that becomes tokens ([Example],
/// [Dataset]), which lie in a [TokenTable] and are kept by a [TokenCache]. What is no JSONL is
/// named (`OtherFormat`), and what rows hold is known by a [ContentDigest]. [Batches] gives each
/// step its rows, [Packing] spreads them over lanes and micro-batches. Nothing is ever padded.
///
/// It knows nothing about models, losses or optimisers.
///
/// Read [Dataset] first.
@NullMarked
package dev.nudge.data;

import org.jspecify.annotations.NullMarked;
