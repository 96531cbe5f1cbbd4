/// A decoder layer and its bodies: attention, MLP, experts.
///
/// It knows nothing about families and files. Read `DecoderLayer` first.
@NullMarked
package dev.nudge.nn.layer;

import org.jspecify.annotations.NullMarked;
