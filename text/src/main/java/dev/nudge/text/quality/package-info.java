/// Finds usable but suspicious training texts: duplicates, near-duplicates, secrets and personal
/// data.
///
/// Memory is bounded: a text costs a hash of eight bytes ([LongSet]), a held-out text a signature
/// of 64 numbers ([NearTexts]), a kind of finding its count and first places ([Findings]).
///
/// It knows nothing about rows, shapes, tokens or files. Read [NearTexts] first, then [Sensitive].
@NullMarked
package dev.nudge.text.quality;

import org.jspecify.annotations.NullMarked;
