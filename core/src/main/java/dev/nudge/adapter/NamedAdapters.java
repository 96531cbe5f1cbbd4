package dev.nudge.adapter;

import dev.nudge.nn.Modules;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Several adapters of one base by name, of which one at most is on.
///
/// Each is read once and then waits beside the base: switching assigns the model's places and
/// copies
/// nothing. The base's weights are never touched, so without an adapter it answers as it did, bit
/// for bit.
///
/// Threading: everything here while no pass runs.
public final class NamedAdapters implements AutoCloseable {
  private record Held(Adapters adapters, Scope scope) {}

  private final Modules modules;
  private final Dtype compute;
  private final Map<String, Held> held = new LinkedHashMap<>();
  private @Nullable String active;
  private boolean enabled = true;

  /// @param modules the model's places
  /// @param compute type that the model computes in
  public NamedAdapters(Modules modules, Dtype compute) {
    this.modules = modules;
    this.compute = compute;
  }

  /// Reads an adapter and switches to it.
  ///
  /// @throws IllegalArgumentException where the name is taken
  /// @throws dev.nudge.settings.InputException where it is not one of this model; the one that was
  ///     on stays on
  public void attach(String name, PeftAdapter adapter) {
    if (held.containsKey(name)) {
      throw new IllegalArgumentException("an adapter named " + name + " is attached already");
    }
    Scope scope = Scope.open("adapter");
    off();
    try {
      Adapters adapters = Adapters.attach(modules, adapter, 0, compute, 0, scope);
      adapters.detach();
      held.put(name, new Held(adapters, scope));
      active = name;
      on();
    } catch (RuntimeException | Error e) {
      scope.close();
      on();
      throw e;
    }
  }

  /// Switches to another adapter.
  ///
  /// @throws IllegalArgumentException where no adapter has that name
  public void use(String name) {
    if (!held.containsKey(name)) {
      throw new IllegalArgumentException(
          "no adapter is named " + name + "; attached are " + names());
    }
    off();
    active = name;
    on();
  }

  /// Lets the base answer alone until [#enable]; what is in use is remembered.
  public void disable() {
    off();
    enabled = false;
  }

  /// Lets the adapter in use answer again, after [#disable].
  public void enable() {
    if (!enabled) {
      enabled = true;
      on();
    }
  }

  /// Tells whether the adapter in use is on.
  public boolean enabled() {
    return enabled;
  }

  /// Takes an adapter off and frees it; where it was in use, the base answers alone.
  ///
  /// @throws IllegalArgumentException where no adapter has that name
  public void detach(String name) {
    Held gone = held.get(name);
    if (gone == null) {
      throw new IllegalArgumentException(
          "no adapter is named " + name + "; attached are " + names());
    }
    if (name.equals(active)) {
      off();
      active = null;
    }
    held.remove(name);
    gone.scope.close();
  }

  /// The names of all adapters, in the order of attaching.
  public List<String> names() {
    return List.copyOf(held.keySet());
  }

  /// The name of the adapter in use, enabled or not; null for the base alone.
  public @Nullable String active() {
    return active;
  }

  private void on() {
    if (enabled && active != null) {
      Objects.requireNonNull(held.get(active)).adapters.reattach();
    }
  }

  private void off() {
    if (enabled && active != null) {
      Objects.requireNonNull(held.get(active)).adapters.detach();
    }
  }

  /// Detaches all adapters.
  @Override
  public void close() {
    new ArrayList<>(held.keySet()).forEach(this::detach);
  }
}
