/// Computes the gradients of a step on lanes, and tells them to other ranks in order.
///
/// It knows nothing about optimisers and files. Read `GradientLanes` first.
@NullMarked
package dev.nudge.train.lanes;

import org.jspecify.annotations.NullMarked;
