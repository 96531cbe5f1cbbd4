/// Has the first values of an adapter: Gaussian, LoftQ, PiSSA, OLoRA, EVA.
///
/// It knows nothing about training. Read `Initialization` first.
@NullMarked
package dev.nudge.adapter.init;

import org.jspecify.annotations.NullMarked;
