package dev.nudge.chat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/// An LRU cache: keeps the values of the keys that were used last, a fixed number of them.
///
/// Threading: any number of threads. Nothing is locked while a value is made, so two threads that
/// ask for a new key at once may make it twice.
public final class Recent<K, V> {
  private final Map<K, V> values;

  /// @param most most values that are kept
  public Recent(int most) {
    values =
        new LinkedHashMap<>(16, 0.75f, true) {
          private static final long serialVersionUID = 1L;

          @Override
          protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
            return size() > most;
          }
        };
  }

  /// Returns the value of a key; if it is not cached, `make` computes it.
  public V get(K key, Function<K, V> make) {
    synchronized (values) {
      V known = values.get(key);
      if (known != null) {
        return known;
      }
    }
    V made = make.apply(key);
    synchronized (values) {
      values.put(key, made);
    }
    return made;
  }
}
