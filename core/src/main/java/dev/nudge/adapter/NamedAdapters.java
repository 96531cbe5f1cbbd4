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
/// copies nothing. The base's weights are never touched, so without an adapter it answers as it
/// did, bit for bit.
///
/// Threading: everything here while no pass runs.
public final class NamedAdapters implements AutoCloseable {
  /// @param number in the bank; −1: it cannot be one of several in a step
  private record Held(Adapters adapters, Scope scope, int number) {}

  private final Modules modules;
  private final Dtype compute;
  private final Map<String, Held> held = new LinkedHashMap<>();
  private final Bank bank = new Bank();
  private @Nullable String active;
  private boolean enabled = true;
  private long version;

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
      List<LoraPlace> updates = adapters.updates();
      held.put(name, new Held(adapters, scope, updates.isEmpty() ? -1 : bank.add(updates)));
      active = name;
      version++;
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
    known(name);
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
    Held gone = known(name);
    if (name.equals(active)) {
      off();
      active = null;
    }
    held.remove(name);
    version++;
    if (gone.number >= 0) {
      bank.remove(gone.number);
    }
    gone.scope.close();
  }

  /// How a sequence's steps get its adapter.
  ///
  /// @param number of the adapter in the bank; −1: none
  /// @param alone the adapter that must be alone in a step, because it changes more than linear
  ///     layers; null: steps of this sequence may have others of the bank and of the base
  public record Way(int number, @Nullable String alone) {
    /// The base without an adapter.
    public static final Way BASE = new Way(-1, null);
  }

  /// A number that is another one after each attaching and detaching.
  public long version() {
    return version;
  }

  /// How a sequence of an adapter goes.
  ///
  /// @param name null: the base
  /// @throws IllegalArgumentException where no adapter has that name
  public Way way(@Nullable String name) {
    if (name == null) {
      return Way.BASE;
    }
    int number = known(name).number;
    return new Way(number, number < 0 ? name : null);
  }

  /// Runs passes of sequences that go one way, and leaves the adapters as they were.
  ///
  /// @param alone of their [Way]
  /// @param banked whether any of them goes through an adapter of the bank
  public void within(@Nullable String alone, boolean banked, Runnable passes) {
    Adapters one = alone == null ? null : known(alone).adapters;
    off();
    try {
      if (one == null) {
        Runnable undo = banked ? bank.put() : () -> {};
        try {
          passes.run();
        } finally {
          undo.run();
        }
      } else {
        one.reattach();
        try {
          passes.run();
        } finally {
          one.detach();
        }
      }
    } finally {
      on();
    }
  }

  private Held known(String name) {
    Held found = held.get(name);
    if (found == null) {
      throw new IllegalArgumentException(
          "no adapter is named " + name + "; attached are " + names());
    }
    return found;
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
