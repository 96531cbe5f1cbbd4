package dev.nudge.collective;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The processes that train one model together, the ranks, as one of them sees them.
///
/// All ranks make the same calls in the same order. Sums are taken in the order of the ranks, so
/// their bits depend neither on timing nor on how the bytes travel.
///
/// Threading: one thread calls.
public interface Collective extends AutoCloseable {

  /// A process by itself.
  Collective ALONE = new Alone(1);

  /// The number of this process, from 0. Rank 0 leads: it has the data, and writes.
  int rank();

  /// The number of processes.
  int ranks();

  /// Sums parts over the ranks. On each, every part holds the whole sum afterwards.
  ///
  /// @param parts as many, and of the same sizes, on every rank
  /// @throws dev.nudge.settings.RunException if a rank is lost; parts then hold anything
  void sum(List<? extends Part> parts);

  /// Gives all ranks the bytes of rank 0.
  ///
  /// @param bytes as many on every rank
  /// @throws dev.nudge.settings.RunException if a rank is lost
  void share(MemorySegment bytes);

  /// Tells all ranks a message of rank 0, for which the others wait as long as it takes.
  ///
  /// @param message of rank 0; what others give is ignored
  /// @return the message, on every rank
  /// @throws dev.nudge.settings.RunException if a rank is lost
  byte[] tell(byte[] message);

  /// Ends the connections; ranks that wait for this one fail.
  @Override
  void close();

  /// A summand of [#sum] that lies in memory of the caller.
  interface Part {
    /// The memory where the sum is wanted, and where this rank's share of it is made.
    MemorySegment bytes();

    /// Adds this rank's summands, one by one, behind the sum of the ranks before.
    ///
    /// @param before that sum, to be read only; null on rank 0
    void add(@Nullable MemorySegment before);
  }

  /// Ranks that are only counted, to plan a run of so many: nothing connects them.
  static Collective planned(int ranks) {
    return ranks == 1 ? ALONE : new Alone(ranks);
  }
}
