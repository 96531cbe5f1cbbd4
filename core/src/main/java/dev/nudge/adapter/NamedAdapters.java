package dev.nudge.adapter;

import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.ModelShape;
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

/// Several adapters of one base model by name; at most one is active outside batches.
///
/// Each adapter is read once and kept in memory: switching assigns slots and copies nothing. The
/// base's weights never change, so without an adapter the model's output is bit-identical to the
/// base's.
///
/// Threading: [#make], [#attachment] and the getters from any thread at any time; all other methods
/// while
/// no pass runs, from one thread at a time.
public final class NamedAdapters implements AutoCloseable {
  /// An adapter that is attached.
  private record AttachedAdapter(Adapters adapters, Scope scope, Attachment attachment) {}

  private final Modules modules;
  private final Dtype compute;
  private final Map<LinearSlot, Linear> bases = new LinkedHashMap<>();
  private final ModelShape shape;
  private final Bank bank = new Bank();
  private volatile Map<String, AttachedAdapter> held = Map.of(); // copied where it changes
  private volatile @Nullable String active;
  private volatile boolean enabled = true;
  private long version; // how often adapters came or went
  private long alone; // adapters that came and have steps of their own

  /// @param modules the model's modules, without an adapter attached
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

  /// An adapter that was read and is not attached yet. If it is never attached, its creator must
  /// close it.
  ///
  /// Threading: one thread at a time.
  public final class LoadedAdapter implements AutoCloseable {
    private final Scope scope = Scope.open("adapter");
    private final PeftAdapter from;
    private @Nullable Adapters adapters; // null: it can be made only while no pass runs
    private boolean attached;

    /// @param merging computes the merged weights; null: the update is not merged
    private LoadedAdapter(PeftAdapter from, @Nullable Backend merging) {
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

    /// Makes placements of tables and norms, which read the model and so need that no pass runs.
    private Adapters here() {
      Adapters all = adapters;
      if (all == null) {
        all = Adapters.attach(modules, from, 0, compute, 0, scope);
        all.detach();
        adapters = all;
      }
      return all;
    }

    /// Bytes of memory that the adapter holds.
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

  /// Reads an adapter and makes its layers. Passes may run meanwhile, also of this model.
  ///
  /// @param adapter must stay open until it is attached
  /// @throws InputException if the adapter is not for this model
  public LoadedAdapter make(PeftAdapter adapter) {
    return new LoadedAdapter(adapter, null);
  }

  /// Reads an adapter and merges it into weights of its own, as large as the base's. Its sequences
  /// then run in batches of their own, without the cost of LoRA. The base's weights do not change.
  ///
  /// @param backend the model's
  /// @throws InputException if the adapter changes more than linear layers
  public LoadedAdapter merge(PeftAdapter adapter, Backend backend) {
    return new LoadedAdapter(adapter, backend);
  }

  /// The bytes that an adapter will hold; 0 if only [#make] can tell.
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

  /// Vocabulary size with an adapter.
  public int vocabulary(PeftAdapter adapter) {
    return adapter.vocabulary(shape);
  }

  /// Attaches an adapter from [#make] or [#merge] without switching to it.
  ///
  /// @throws IllegalArgumentException if the name is taken
  public Attachment attach(String name, LoadedAdapter made) {
    if (held.containsKey(name)) {
      throw new IllegalArgumentException("an adapter named " + name + " is attached already");
    }
    AttachedAdapter[] added = new AttachedAdapter[1];
    bare(() -> added[0] = held(name, made));
    change(all -> all.put(name, added[0]));
    made.attached = true;
    return added[0].attachment;
  }

  private AttachedAdapter held(String name, LoadedAdapter made) {
    Adapters adapters = made.here();
    List<LoraPlace> updates = adapters.updates();
    int number = updates.isEmpty() ? -1 : bank.add(updates);
    alone += number < 0 ? 1 : 0;
    return new AttachedAdapter(
        adapters, made.scope, new Attachment(number, number < 0 ? name : null, version + 1));
  }

  /// Reads an adapter and switches to it.
  ///
  /// @throws IllegalArgumentException if the name is taken
  /// @throws InputException if the adapter is not for this model; the active adapter stays active
  public void attach(String name, PeftAdapter adapter) {
    try (LoadedAdapter made = make(adapter)) {
      attach(name, made);
      use(name);
    }
  }

  /// Replaces the map by a changed copy, so that other threads see the old or the new map.
  private void change(Consumer<Map<String, AttachedAdapter>> by) {
    Map<String, AttachedAdapter> copy = new LinkedHashMap<>(held);
    by.accept(copy);
    held = Collections.unmodifiableMap(copy);
    version++;
  }

  /// Switches to another adapter.
  ///
  /// @throws IllegalArgumentException if no adapter has that name
  public void use(String name) {
    known(name);
    off();
    active = name;
    on();
  }

  /// Deactivates the adapter in use until [#enable]: the base alone computes.
  public void disable() {
    off();
    enabled = false;
  }

  /// Activates the adapter in use again, after [#disable].
  public void enable() {
    if (!enabled) {
      enabled = true;
      on();
    }
  }

  /// Tells whether the adapter in use is active.
  public boolean enabled() {
    return enabled;
  }

  /// Detaches an adapter and frees its memory; if it was in use, the base alone computes.
  ///
  /// @throws IllegalArgumentException if no adapter has that name
  public void detach(String name) {
    AttachedAdapter gone = known(name);
    if (name.equals(active)) {
      off();
      active = null;
    }
    change(all -> all.remove(name));
    if (gone.attachment.number >= 0) {
      bank.remove(gone.attachment.number);
    }
    gone.scope.close();
  }

  /// How the adapter of a sequence is applied in a batch.
  ///
  /// @param number of the adapter in the bank; −1: none
  /// @param alone name of an adapter that needs a batch of its own (it is merged, or changes more
  ///     than linear layers); null: the sequence may share a batch with the base and the bank
  /// @param id of the attachment: attaching the same adapter again gives another id
  public record Attachment(int number, @Nullable String alone, long id) {
    /// The base without an adapter.
    public static final Attachment BASE = new Attachment(-1, null, 0);
  }

  /// A counter that changes when steps may need a larger workspace: after attaching an adapter of a
  /// larger rank, or one that needs batches of its own.
  public long demands() {
    return alone + bank.grown();
  }

  /// How the adapter of this name is applied in a batch.
  ///
  /// @param name null: the base
  /// @throws IllegalArgumentException if no adapter has that name
  public Attachment attachment(@Nullable String name) {
    return name == null ? Attachment.BASE : known(name).attachment;
  }

  /// Runs passes with the adapter(s) of a batch, then restores the adapter in use.
  ///
  /// @param alone see [Attachment]
  /// @param banked whether any sequence has an adapter of the bank
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

  /// Runs something while no adapter is active, then activates the adapter in use again.
  private void bare(Runnable what) {
    off();
    try {
      what.run();
    } finally {
      on();
    }
  }

  private AttachedAdapter known(String name) {
    AttachedAdapter found = held.get(name);
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
