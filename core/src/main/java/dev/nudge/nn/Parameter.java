package dev.nudge.nn;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// A trained matrix: its master copy, its working copy and one gradient for each lane.
///
/// Master and gradients are in the accumulator type (fp32, or F64 in tests), the working copy is
/// in the compute type and shares the master's memory if the types agree.
///
/// Threading: a lane adds to its own gradient only; master and working copy change between steps.
public final class Parameter {
  private final String name;
  private final boolean decay;
  private final Tensor master;
  private final Tensor work;
  private final List<Tensor> gradients = new ArrayList<>();
  private long version;

  /// Allocates a parameter of zeros in `scope`.
  ///
  /// @param name its name in the checkpoint
  /// @param decay whether weight decay applies
  public Parameter(
      String name, boolean decay, int rows, int cols, Dtype compute, int lanes, Scope scope) {
    this.name = name;
    this.decay = decay;
    this.master = scope.tensor(compute.accumulator(), rows, cols);
    this.work = compute == compute.accumulator() ? master : scope.tensor(compute, rows, cols);
    for (int lane = 0; lane < lanes; lane++) {
      gradients.add(scope.tensor(compute.accumulator(), rows, cols));
    }
  }

  /// Wraps an existing tensor as the working copy.
  ///
  /// @param work in the compute type; it is the master too if the types agree
  public Parameter(String name, Tensor work, int lanes, Scope scope) {
    Dtype acc = work.dtype().accumulator();
    this.name = name;
    this.decay = true;
    this.work = work;
    this.master = work.dtype() == acc ? work : scope.tensor(acc, work.rows(), work.cols());
    for (int lane = 0; lane < lanes; lane++) {
      gradients.add(scope.tensor(acc, work.rows(), work.cols()));
    }
  }

  private Parameter(String name, Tensor work) {
    this.name = name;
    this.decay = false;
    this.work = work;
    this.master = work;
  }

  /// Wraps a frozen parameter: a working copy only, in the compute type.
  public static Parameter frozen(String name, Tensor work) {
    return new Parameter(name, work);
  }

  public String name() {
    return name;
  }

  public boolean decay() {
    return decay;
  }

  /// The numbers that the optimiser updates.
  public Tensor master() {
    return master;
  }

  /// The numbers that a pass multiplies with, in the compute type.
  public Tensor work() {
    return work;
  }

  /// Lane `lane`'s gradient accumulator.
  public Tensor gradient(int lane) {
    return gradients.get(lane);
  }

  /// Returns the number of [#changed] calls, which caches of derived values compare.
  public long version() {
    return version;
  }

  /// Records a change of the numbers.
  public void changed() {
    version++;
  }

  /// Number of gradients, one a lane; 0 if the parameter never trains.
  public int lanes() {
    return gradients.size();
  }

  public long elements() {
    return master.elements();
  }
}
