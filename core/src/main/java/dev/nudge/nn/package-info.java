/// Holds the parts a decoder is built from, each with its forward and its backward pass:
/// [dev.nudge.nn.Linear] and the [dev.nudge.nn.LinearSlot] it sits in, [dev.nudge.nn.Norm],
/// [dev.nudge.nn.Attention], [dev.nudge.nn.Mlp], [dev.nudge.nn.Embedding], and what a pass carries:
/// [dev.nudge.nn.Pass] with its [dev.nudge.nn.Tape] and [dev.nudge.nn.Segments].
///
/// Knows nothing about adapters, weight formats, files or any model's layout. Read `Linear` first,
/// then `Pass` and `DecoderLayer`.
@NullMarked
package dev.nudge.nn;

import org.jspecify.annotations.NullMarked;
