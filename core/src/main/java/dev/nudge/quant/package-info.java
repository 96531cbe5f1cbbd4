/// Holds frozen weights in few bits: how they are kept, and the layer that computes with them.
///
/// A quantised layer is one more [dev.nudge.nn.Linear] in a slot: it makes its weight in the
/// compute
/// type where a product needs it and forgets it again. Adapters wrap it like any other.
///
/// It knows nothing about models, adapters, files or training.
///
/// Read `Nf4Weight` first, then `Nf4Linear`.
@NullMarked
package dev.nudge.quant;

import org.jspecify.annotations.NullMarked;
