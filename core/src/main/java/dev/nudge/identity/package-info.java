/// Says what an adapter was trained on, and whether a given model is its base.
///
/// Knows nothing about models or adapters as things that compute: it reads their files. Read
/// `Identity` first.
@NullMarked
package dev.nudge.identity;

import org.jspecify.annotations.NullMarked;
