package dev.nudge.generate;

import dev.nudge.adapter.NamedAdapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Threads;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/// Loads and evicts adapters of one session while it serves requests.
///
/// An adapter is known by the digest of its files. A request takes a [Lease]: the first one loads
/// the adapter, on its own thread, while decoding goes on; others that want the same adapter wait
/// for that. It stays loaded while anybody holds a lease, and after that until its memory is
/// needed: the one whose last lease ended the longest ago is evicted first. A pinned one stays. A
/// failed load leaves nothing behind.
///
/// Threading: any thread. No lock is held while files are read or the engine is waited for.
public final class AdapterCache {
  private static final int LOOKED = 1000; // digests whose warnings are not told again

  private final Session session;
  private final Map<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true); // oldest first
  private final Set<String> pinned = new HashSet<>();
  private final Set<String> merged = new HashSet<>();
  private final Set<String> looked = new LinkedHashSet<>(); // digests of which warnings were told
  private long budget;
  private long reserved; // bytes of all entries
  private long number;

  /// An adapter that is loaded, or is being.
  private static final class Entry {
    final String digest;
    final CountDownLatch loaded = new CountDownLatch(1);
    int leases;
    long bytes;
    int rank;
    int vocabulary;
    String name = "";
    NamedAdapters.Attachment attachment = NamedAdapters.Attachment.BASE;
    @Nullable Throwable failure;
    boolean ready;
    boolean merged;
    boolean gone; // no new leases; freed with the last one

    Entry(String digest) {
      this.digest = digest;
    }

    /// Waits until it is loaded. An interrupt does not end that; the thread is interrupted again.
    void await() {
      Threads.await(loaded, () -> {});
      Threads.rethrow(failure, "an adapter could not be loaded");
    }
  }

  AdapterCache(Session session, long budgetBytes) {
    this.session = session;
    this.budget = budgetBytes;
  }

  /// The right to use an adapter, which stays loaded until the lease is closed.
  ///
  /// Threading: any thread; a second close does nothing.
  public final class Lease implements AutoCloseable {
    private final Entry entry;
    private boolean closed;

    private Lease(Entry entry) {
      this.entry = entry;
    }

    /// Takes one more lease of the same adapter.
    ///
    /// @throws IllegalStateException if this lease is closed
    public Lease again() {
      synchronized (AdapterCache.this) {
        if (closed) {
          throw new IllegalStateException("a lease of " + entry.digest + " that is closed");
        }
        entry.leases++;
        return new Lease(entry);
      }
    }

    NamedAdapters.Attachment attachment() {
      return entry.attachment;
    }

    /// Its name among the session's adapters.
    String name() {
      return entry.name;
    }

    /// Rows of the vocabulary with the adapter.
    int vocabulary() {
      return entry.vocabulary;
    }

    @Override
    public void close() {
      boolean last;
      synchronized (AdapterCache.this) {
        if (closed) {
          return;
        }
        closed = true;
        last = --entry.leases == 0 && entry.gone;
        if (!entry.gone) {
          entries.get(entry.digest); // the last to go
        }
      }
      if (last) {
        free(entry);
      }
    }
  }

  /// An adapter that is loaded.
  ///
  /// @param leases how many use it now
  /// @param merged whether it has weights of its own
  public record Loaded(
      String digest, long bytes, int rank, int leases, boolean pinned, boolean merged) {}

  /// Takes a lease of an adapter and loads the adapter if it is not loaded. Decoding goes on.
  ///
  /// @param digest digest of the folder's contents; one digest always means the same bytes
  /// @param folder a PEFT folder or a run's; read only if the adapter is not loaded
  /// @param called name of the adapter in warnings and messages
  /// @throws InputException if the adapter does not fit this session's model
  /// @throws BusyException if leased or pinned adapters leave too little memory for it
  public Lease lease(String digest, Path folder, String called) {
    Entry entry;
    boolean mine;
    synchronized (this) {
      Entry there = entries.get(digest);
      mine = there == null;
      entry = there == null ? new Entry(digest) : there;
      entry.leases++;
      if (mine) {
        entries.put(digest, entry);
      }
    }
    if (mine) {
      load(entry, folder, called);
    }
    entry.await();
    return new Lease(entry);
  }

  /// Takes a lease of an adapter whose folder others may write to. What was read during a write is
  /// dropped.
  ///
  /// @param called name of the adapter in warnings and messages
  /// @param still whether the folder still has the digest, asked after loading
  /// @param what name of the folder in the exception's message
  /// @throws BusyException if the folder has changed since the digest was taken
  public Lease lease(
      String digest, Path folder, String called, BooleanSupplier still, String what) {
    Lease lease = lease(digest, folder, called);
    try {
      if (still.getAsBoolean()) {
        return lease;
      }
      throw new BusyException(what + " has changed just now", 1);
    } catch (RuntimeException e) {
      drop(digest);
      lease.close();
      throw e;
    }
  }

  private void load(Entry entry, Path folder, String called) {
    boolean again;
    synchronized (this) {
      again = !told(entry.digest);
    }
    try (PeftAdapter peft = PeftAdapter.open(folder)) {
      session.check(peft, called, again);
      NamedAdapters adapters = session.adapters();
      boolean merge;
      synchronized (this) {
        merge = merged.contains(entry.digest);
      }
      room(entry, merge ? 0 : adapters.bytes(peft));
      try (NamedAdapters.LoadedAdapter made =
          merge ? adapters.merge(peft, session.backend()) : adapters.make(peft)) {
        synchronized (this) {
          entry.merged = merge;
          entry.name = entry.digest + " " + number++;
        }
        room(entry, made.bytes());
        session.between(() -> entry.attachment = adapters.attach(entry.name, made));
        room(entry, made.bytes()); // some are made only there
      }
      synchronized (this) {
        entry.rank = peft.kind().where().rank();
        entry.vocabulary = adapters.vocabulary(peft);
        entry.ready = true;
      }
    } catch (RuntimeException | Error e) {
      failed(entry, e);
    } finally {
      entry.loaded.countDown();
    }
  }

  /// Notes that warnings of an adapter are told, and forgets the one that was loaded the longest
  /// ago where there are many: its warnings are told again if it ever comes again.
  ///
  /// @return whether they were not told before
  private boolean told(String digest) {
    boolean first = !looked.remove(digest);
    looked.add(digest);
    if (looked.size() > LOOKED) {
      looked.remove(looked.iterator().next());
    }
    return first;
  }

  private void failed(Entry entry, Throwable e) {
    synchronized (this) {
      entry.failure = e;
      entry.gone = true;
      entries.remove(entry.digest, entry);
    }
    if (entry.attachment.id() != 0) {
      free(entry);
    } else {
      synchronized (this) {
        reserved -= entry.bytes;
        entry.bytes = 0;
      }
    }
  }

  /// Counts the bytes of an adapter, and makes room for them.
  private void room(Entry entry, long bytes) {
    List<Entry> evicted = new ArrayList<>();
    synchronized (this) {
      reserved += bytes - entry.bytes;
      entry.bytes = bytes;
      List<Entry> free =
          entries.values().stream()
              .filter(e -> e.ready && e.leases == 0 && !pinned.contains(e.digest))
              .toList();
      for (Entry e : free) {
        if (reserved - evicted.stream().mapToLong(v -> v.bytes).sum() <= budget) {
          break;
        }
        evicted.add(e);
      }
      long left = reserved - evicted.stream().mapToLong(e -> e.bytes).sum();
      if (left > budget) {
        if (bytes > budget) {
          throw new InputException(
              "adapter %s takes %s, and adapters may take %s; raise the memory for adapters"
                  .formatted(entry.digest, Bytes.shown(bytes), Bytes.shown(budget)));
        }
        throw new BusyException(
            "adapters that are in use or pinned leave %s of %s, and adapter %s takes %s; retry, or raise the memory for adapters"
                .formatted(
                    Bytes.shown(Math.max(0, budget - left + bytes)),
                    Bytes.shown(budget),
                    entry.digest,
                    Bytes.shown(bytes)),
            1);
      }
      evicted.forEach(this::retire);
    }
    evicted.forEach(this::free);
  }

  /// Lets nobody find it any more.
  private void retire(Entry entry) {
    entry.gone = true;
    entries.remove(entry.digest, entry);
  }

  /// Takes an adapter that nobody uses off the model.
  private void free(Entry entry) {
    session.detach(entry.name);
    synchronized (this) {
      reserved -= entry.bytes;
      entry.bytes = 0;
    }
  }

  /// Drops an adapter, also a pinned one: the next request loads it anew, and its memory is freed
  /// with its last lease. Does nothing if it is not loaded.
  public void drop(String digest) {
    Entry entry;
    synchronized (this) {
      entry = entries.get(digest);
      if (entry == null || !entry.ready) {
        return;
      }
      retire(entry);
      if (entry.leases > 0) {
        return;
      }
    }
    free(entry);
  }

  /// Pins an adapter: once loaded, it is never evicted.
  public synchronized void pin(String digest) {
    pinned.add(digest);
  }

  /// Unpins an adapter.
  public synchronized void unpin(String digest) {
    pinned.remove(digest);
  }

  /// Makes the next load of an adapter merge it into a copy of the base's linear weights, which
  /// suits the adapter with most of the traffic. Its sequences get steps of their own. If it is
  /// loaded unmerged, it is dropped.
  public void merge(String digest) {
    boolean other;
    synchronized (this) {
      merged.add(digest);
      Entry entry = entries.get(digest);
      other = entry != null && entry.ready && !entry.merged;
    }
    if (other) {
      drop(digest);
    }
  }

  /// Says how many bytes adapters may take; those that are loaded stay until others come.
  synchronized void budget(long bytes) {
    budget = bytes;
  }

  /// Most bytes that loaded adapters may take.
  public synchronized long budget() {
    return budget;
  }

  /// Bytes of all adapters that are loaded or being loaded.
  public synchronized long bytes() {
    return reserved;
  }

  /// The loaded adapters, in the order in which they would be evicted.
  public synchronized List<Loaded> loaded() {
    return entries.values().stream()
        .filter(e -> e.ready)
        .map(
            e ->
                new Loaded(
                    e.digest, e.bytes, e.rank, e.leases, pinned.contains(e.digest), e.merged))
        .toList();
  }
}
