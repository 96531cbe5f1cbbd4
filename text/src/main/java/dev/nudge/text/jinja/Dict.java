package dev.nudge.text.jinja;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A Python dict, in insertion order.
public final class Dict implements Value {
  private Map<Value, Value> entries;
  private final long origin;

  /// @param entries entries, which the dict owns from here on
  public Dict(Map<Value, Value> entries, long origin) {
    this.entries = entries;
    this.origin = origin;
  }

  Map<Value, Value> entries() {
    return entries;
  }

  /// Replaces the entries.
  void change(Map<Value, Value> others) {
    entries = others;
  }

  long origin() {
    return origin;
  }

  @Nullable Value get(Value key) {
    return entries.get(key);
  }

  @Override
  public String type() {
    return "dict";
  }

  @Override
  public boolean isTrue() {
    return !entries.isEmpty();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Dict dict && entries.equals(dict.entries);
  }

  @Override
  public int hashCode() {
    return entries.hashCode();
  }
}
