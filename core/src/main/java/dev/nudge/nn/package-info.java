/// Holds the modules of a decoder, each with its forward and its backward pass:
/// [dev.nudge.nn.Linear] and the [dev.nudge.nn.LinearSlot] that holds it, [dev.nudge.nn.Norm],
/// [dev.nudge.nn.layer.Attention], [dev.nudge.nn.layer.Mlp], [dev.nudge.nn.Embedding], and the
/// context of a
/// pass: [dev.nudge.nn.Pass] with its [dev.nudge.nn.Tape] and [dev.nudge.nn.Segments].
///
/// Knows nothing about adapters, weight formats, files or any model's layout. Read `Linear` first,
/// then `Pass` and `DecoderLayer`.
@NullMarked
package dev.nudge.nn;

import org.jspecify.annotations.NullMarked;
