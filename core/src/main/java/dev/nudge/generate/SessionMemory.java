package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.engine.Engine;
import dev.nudge.engine.Limits;
import dev.nudge.model.CausalLm;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Shares the memory of a session out: keys get what weights and adapters leave.
///
/// Threading: any thread.
final class SessionMemory {
  private static final int ADAPTERS_SHARE = 4; // one part in so many of the memory of keys

  private final CausalLm model;
  private final long weights; // bytes
  private final long steps; // bytes of the workspace of steps, before an adapter is attached
  private final long free; // bytes of keys without adapters
  private final Map<String, Long> attached = new HashMap<>(); // bytes of those not the cache's
  private long cached; // bytes that those of the cache may take
  private volatile Limits limits;
  private @Nullable Engine engine; // told when keys may take more or less

  /// @param weights their bytes
  SessionMemory(CausalLm model, long weights, Limits limits) {
    this.model = model;
    this.weights = weights;
    this.steps = limits.stepBytes(model);
    this.free = limits.keyBytes();
    this.limits = limits;
  }

  /// What an engine may take now.
  Limits limits() {
    return limits;
  }

  /// Starts an engine with what there is for it, in the place of one that has ended.
  synchronized Engine start(NamedAdapters adapters) {
    Engine started = new Engine(model, adapters, limits);
    engine = started;
    return started;
  }

  /// Books what an adapter takes that is not the cache's.
  synchronized void attach(String name, long bytes) {
    attached.put(name, bytes);
    settleKeys();
  }

  /// Gives keys the memory of such an adapter; nothing is left to do for one of the cache.
  synchronized void detach(String name) {
    if (attached.remove(name) != null) {
      settleKeys();
    }
  }

  /// Takes the share of the cache of adapters off that of keys.
  ///
  /// @return its bytes
  synchronized long cacheAdapters() {
    cached = limits.keyBytes() / ADAPTERS_SHARE;
    settleKeys();
    return cached;
  }

  private void settleKeys() {
    limits = limits.withKeyBytes(Math.max(0, free - attachedBytes() - cached));
    if (engine != null) {
      engine.keyBytes(limits.keyBytes());
    }
  }

  /// Says how many sequences may run side by side.
  synchronized void sequences(int most) {
    limits = limits.withSequences(most);
  }

  /// Tokens that keys have room for.
  long keyTokens() {
    return limits.positions(model);
  }

  /// Bytes of all with which a sequence of so many tokens has room.
  synchronized long least(int tokens) {
    return limits.least(model, weights + attachedBytes(), tokens, ADAPTERS_SHARE);
  }

  private long attachedBytes() {
    return attached.values().stream().mapToLong(bytes -> bytes).sum();
  }

  synchronized Account account() {
    return new Account(
        weights, attachedBytes() + cached, steps, limits.promptBytes(), limits.keyBytes());
  }

  /// Says it in a line.
  ///
  /// @param longest tokens of the longest text
  String told(int longest) {
    return account().told(model, limits, longest);
  }
}
