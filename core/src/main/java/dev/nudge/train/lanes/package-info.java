/// Computes the gradients of a step on lanes, and orders other ranks to do so.
///
/// It knows nothing about optimisers and files. Read `GradientLanes` first.
@NullMarked
package dev.nudge.train.lanes;

import org.jspecify.annotations.NullMarked;
