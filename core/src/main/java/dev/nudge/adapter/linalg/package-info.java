/// Has decompositions of matrices: symmetric eigenvalues, subspace iteration, incremental PCA.
///
/// It knows nothing about adapters. Read `SubspaceIteration` first.
@NullMarked
package dev.nudge.adapter.linalg;

import org.jspecify.annotations.NullMarked;
