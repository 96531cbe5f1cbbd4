/// Holds quantised frozen weights: how files store them, how memory holds them, and how they are
/// dequantised.
///
/// A quantised layer is a [dev.nudge.nn.StoredLinear] in a slot: it dequantises its weight to the
/// compute type for each product and frees it afterwards. Adapters wrap it like any other layer.
///
/// It knows nothing about models, adapters or training.
///
/// Read `WeightFormat` first, then `Nf4Weight`, or `GroupedFormat` and `Grouped`.
@NullMarked
package dev.nudge.quant;

import org.jspecify.annotations.NullMarked;
