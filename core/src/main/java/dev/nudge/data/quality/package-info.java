/// Finds what may be wrong with texts that can be trained on all the same: texts that come twice or
/// nearly so, secrets and personal data.
///
/// Memory is bounded: of a text a hash of eight bytes is kept ([LongSet]), of a held-out one a
/// signature of 64 numbers ([NearTexts]), of a finding its number and its first places
/// ([Findings]).
///
/// It knows nothing about rows, shapes, tokens or files.
///
/// Read [Sensitive] first.
@NullMarked
package dev.nudge.data.quality;

import org.jspecify.annotations.NullMarked;
