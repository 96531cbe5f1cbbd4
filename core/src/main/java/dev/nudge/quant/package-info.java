/// Holds frozen weights in few bits: how files store them, how they are kept, and how they are made
/// again.
///
/// A quantised layer is a [dev.nudge.nn.StoredLinear] in a slot: it makes its weight in the compute
/// type where a product needs it and forgets it again. Adapters wrap it like any other.
///
/// It knows nothing about models, adapters or training.
///
/// Read `WeightFormat` first, then `Nf4Weight`.
@NullMarked
package dev.nudge.quant;

import org.jspecify.annotations.NullMarked;
