package dev.nudge.adapter;

import dev.nudge.machine.Backend;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Several adapters of one base by name, of which one at most is on.
///
/// Each is read once and then waits beside the base: switching assigns the model's places and
/// copies nothing. The base's weights are never touched, so without an adapter it answers as it
/// did, bit for bit.
///
/// Threading: [#make], [#way], and what tells how things are by any thread at any time; all else
/// while no pass runs, and by one thread at a time.
public final class NamedAdapters implements AutoCloseable {
  /// An adapter that is attached.
  private record Held(Adapters adapters, Scope scope, Way way) {}

  private final Modules modules;
  private final Dtype compute;
  private final Map<LinearSlot, Linear> bases = new LinkedHashMap<>();
  private final ModelShape shape;
  private final Bank bank = new Bank();
  private volatile Map<String, Held> held = Map.of(); // copied where it changes
  private volatile @Nullable String active;
  private volatile boolean enabled = true;
  private long version; // how often adapters came or went
  private long alone; // adapters that came and have steps of their own

  /// @param modules the model's places, without an adapter where any is to be attached here
  /// @param compute type that the model computes in
  public NamedAdapters(Modules modules, Dtype compute) {
    this.modules = modules;
    this.compute = compute;
    this.shape = ModelShape.of(modules);
    modules.linears().forEach(slot -> bases.put(slot, slot.linear()));
    LinearSlot head = modules.head();
    if (head != null) {
      bases.put(head, head.linear());
    }
  }

  /// An adapter that was read and is not attached yet. Who made it closes it where it never will
  /// be.
  ///
  /// Threading: one thread at a time.
  public final class Made implements AutoCloseable {
    private final Scope scope = Scope.open("adapter");
    private final PeftAdapter from;
    private @Nullable Adapters adapters; // null: it can be made only while no pass runs
    private boolean attached;

    /// @param merging what computes its own weights; null: it waits beside the base
    private Made(PeftAdapter from, @Nullable Backend merging) {
      this.from = from;
      try {
        List<LayerShape> adapted = from.fit(shape);
        if (Adapters.updates(from, shape, adapted)) {
          adapters =
              merging == null
                  ? Adapters.made(bases, shape, from, adapted, compute, scope)
                  : Adapters.merged(bases, shape, from, adapted, merging, scope);
        } else if (merging != null) {
          throw new InputException(
              "adapter %s changes more than linear layers, and only updates of those are merged; serve it unmerged"
                  .formatted(from.folder()));
        }
      } catch (RuntimeException | Error e) {
        scope.close();
        throw e;
      }
    }

    /// Makes what could not be made while passes run: tables and norms are read where they are.
    private Adapters here() {
      Adapters all = adapters;
      if (all == null) {
        all = Adapters.attach(modules, from, 0, compute, 0, scope);
        all.detach();
        adapters = all;
      }
      return all;
    }

    /// Bytes that it holds.
    public long bytes() {
      return scope.bytes();
    }

    @Override
    public void close() {
      if (!attached) {
        scope.close();
      }
    }
  }

  /// Reads an adapter and makes its layers. Passes may run meanwhile, of this adapter's model too.
  ///
  /// @param adapter stays open until it was attached
  /// @throws InputException where it is not one of this model
  public Made make(PeftAdapter adapter) {
    return new Made(adapter, null);
  }

  /// Reads an adapter likewise and merges it into weights of its own, as large as the base's: its
  /// sequences have steps of their own, in which it costs nothing. The base's weights stay as they
  /// are.
  ///
  /// @param backend the model's
  /// @throws InputException where it changes more than linear layers
  public Made merge(PeftAdapter adapter, Backend backend) {
    return new Made(adapter, backend);
  }

  /// The bytes that an adapter will hold; 0 where only making it tells.
  public long bytes(PeftAdapter adapter) {
    List<LayerShape> adapted = adapter.fit(shape);
    if (!Adapters.updates(adapter, shape, adapted)) {
      return 0;
    }
    try (Scope measuring = Scope.measuring()) {
      var _ = Adapters.made(bases, shape, adapter, adapted, compute, measuring);
      return measuring.bytes();
    }
  }

  /// Rows of the vocabulary with an adapter.
  public int vocabulary(PeftAdapter adapter) {
    return adapter.vocabulary(shape);
  }

  /// Attaches an adapter that was made, and does not switch to it.
  ///
  /// @throws IllegalArgumentException where the name is taken
  public Way attach(String name, Made made) {
    if (held.containsKey(name)) {
      throw new IllegalArgumentException("an adapter named " + name + " is attached already");
    }
    Held[] added = new Held[1];
    bare(() -> added[0] = held(name, made));
    change(all -> all.put(name, added[0]));
    made.attached = true;
    return added[0].way;
  }

  private Held held(String name, Made made) {
    Adapters adapters = made.here();
    List<LoraPlace> updates = adapters.updates();
    int number = updates.isEmpty() ? -1 : bank.add(updates);
    alone += number < 0 ? 1 : 0;
    return new Held(adapters, made.scope, new Way(number, number < 0 ? name : null, version + 1));
  }

  /// Reads an adapter and switches to it.
  ///
  /// @throws IllegalArgumentException where the name is taken
  /// @throws InputException where it is not one of this model; the one that was
  ///     on stays on
  public void attach(String name, PeftAdapter adapter) {
    try (Made made = make(adapter)) {
      attach(name, made);
      use(name);
    }
  }

  /// Copies the map, so that any thread reads it as it was or as it is.
  private void change(Consumer<Map<String, Held>> by) {
    Map<String, Held> copy = new LinkedHashMap<>(held);
    by.accept(copy);
    held = Collections.unmodifiableMap(copy);
    version++;
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
    change(all -> all.remove(name));
    if (gone.way.number >= 0) {
      bank.remove(gone.way.number);
    }
    gone.scope.close();
  }

  /// How a sequence's steps get its adapter.
  ///
  /// @param number of the adapter in the bank; −1: none
  /// @param alone the adapter that must be alone in a step, because it changes more than linear
  ///     layers; null: steps of this sequence may have others of the bank and of the base
  /// @param id of the attaching: another one where the same adapter is attached again
  public record Way(int number, @Nullable String alone, long id) {
    /// The base without an adapter.
    public static final Way BASE = new Way(-1, null, 0);
  }

  /// A number that is another one where steps may take more of their workspace than before: after
  /// an adapter came that is wider than those before it, or one that has steps of its own.
  public long demands() {
    return alone + bank.grown();
  }

  /// How a sequence of an adapter goes.
  ///
  /// @param name null: the base
  /// @throws IllegalArgumentException where no adapter has that name
  public Way way(@Nullable String name) {
    return name == null ? Way.BASE : known(name).way;
  }

  /// Runs passes of sequences that go one way, and leaves the adapters as they were.
  ///
  /// @param alone of their [Way]
  /// @param banked whether any of them goes through an adapter of the bank
  public void within(@Nullable String alone, boolean banked, Runnable passes) {
    Adapters one = alone == null ? null : known(alone).adapters;
    bare(
        () -> {
          if (one != null) {
            one.reattach();
          }
          Runnable undo = one != null ? one::detach : banked ? bank.put() : () -> {};
          try {
            passes.run();
          } finally {
            undo.run();
          }
        });
  }

  /// Does something while no adapter is on, and puts the one on again that was.
  private void bare(Runnable what) {
    off();
    try {
      what.run();
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
    names().forEach(this::detach);
  }
}
