/// Turns data files into token ids with label masks, and plans which rows each optimiser step
/// takes.
///
/// A file's lines become rows ([RowReader]), a row becomes prompt and completion or a text
/// ([RowShape], by the columns of a [RowPattern]), that becomes tokens ([RowEncoder]), and a
/// [TokenCache] puts them into one [TokenTable], which it keeps on disk; an [Example] of a
/// [Dataset] is a place in it. A [ContentDigest] identifies the data.
/// [Batches] assigns rows to steps, [Packing] spreads a step over lanes and micro-batches. Nothing
/// is padded.
///
/// It knows nothing about models, losses or optimisers. Read [Dataset] first.
@NullMarked
package dev.nudge.data;

import org.jspecify.annotations.NullMarked;
