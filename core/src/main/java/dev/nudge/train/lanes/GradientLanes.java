package dev.nudge.train.lanes;

import dev.nudge.collective.Collective;
import dev.nudge.collective.Doubles;
import dev.nudge.data.Packing;
import dev.nudge.data.tokens.Example;
import dev.nudge.engine.Batcher;
import dev.nudge.engine.Branches;
import dev.nudge.model.Batch;
import dev.nudge.model.CausalLm;
import dev.nudge.nn.Balance;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.ExpertLoad;
import dev.nudge.nn.Segments;
import dev.nudge.nn.SequenceSplit;
import dev.nudge.nn.Share;
import dev.nudge.plan.Plan;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.LaneGroup;
import dev.nudge.tensor.Lanes;
import dev.nudge.tensor.MappedFile;
import dev.nudge.tensor.Workspace;
import dev.nudge.train.objective.Objective;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Computes the gradients of a step on lanes: of the adapter or weights that are in the model, or
/// of several adapters of a [dev.nudge.adapter.Bank] in the same passes.
///
/// The sequences of each [Work] are packed as if it were alone. Micro-batches of several, at most
/// one of each, then share a pass: the base's weights are read, unpacked and packed once for all
/// their rows, while an adapter's gradients are sums over its own micro-batches in their own order.
/// So a run has the same bits as alone.
///
/// Threading: one thread calls.
public final class GradientLanes implements AutoCloseable {
  private final CausalLm model;
  private final Lanes lanes;
  private final List<Workspace> workspaces;
  private final LaneGroup laneGroup;
  private final Packing.Cost cost;
  private final int passTokens;
  private final double[] routing; // of all ranks' lanes: sums of the routers' losses of a step
  private final Collective ranks;
  private final List<ExpertLoad> loads = new ArrayList<>(); // of lanes; empty: no experts
  private long[][] experts = {}; // tokens of the last step, by layer and expert
  private final Queue<Runnable> opened = new ConcurrentLinkedQueue<>();

  /// One run's share of the gradients of a step.
  ///
  /// @param adapter its number in the bank
  /// @param starts of the weights of each sequence's tokens; null: a sequence has one weight
  /// @param plan how its sequences are packed
  public record Work(
      int adapter,
      List<Example> sequences,
      Objective.Weights weights,
      int @Nullable [] starts,
      Dropout dropout,
      Plan plan) {
    /// @param all whether sequences without a gradient are computed too
    Packing packing(int lanes, Packing.Cost cost, boolean all) {
      return Branches.pack(
          sequences,
          IntStream.range(0, sequences.size()).filter(i -> all || !idle(i)).toArray(),
          lanes,
          plan.microBatchTokens(),
          cost,
          plan.split().from(),
          branches());
    }

    /// Whether prompts are shared: prompts in the loss are not.
    boolean branches() {
      return plan.branches() && weights.texts() == null;
    }

    /// Whether all tokens of a sequence have weight 0, as in a group of equal rewards.
    private boolean idle(int place) {
      double[] each = weights.each();
      if (each == null || weights.texts() != null) {
        return false;
      }
      int from = starts == null ? place : starts[place];
      int to = starts == null ? place + 1 : from + sequences.get(place).trainedTokens();
      return Arrays.stream(each, from, to).allMatch(weight -> weight == 0);
    }
  }

  /// @param pages folder for the files that the plan pages out
  /// @param ranks processes whose lanes share each step
  public GradientLanes(CausalLm model, Plan plan, Path pages, Collective ranks) {
    this.model = model;
    this.ranks = ranks;
    this.cost = Batcher.cost(model);
    this.passTokens = plan.microBatchTokens();
    if (!plan.levels().isEmpty()) {
      model.recompute(plan.levels());
    }
    this.lanes = new Lanes(plan.lanes());
    this.routing = new double[ranks.ranks() * plan.lanes()];
    for (int lane = 0; lane < plan.lanes() && model.config().hasExperts(); lane++) {
      loads.add(new ExpertLoad(model.config().experts()));
    }
    opened.add(lanes::close);
    try {
      this.workspaces = lanes.run(lane -> workspace(lane, plan, pages));
      this.laneGroup = new LaneGroup(plan.lanes(), plan.split().sharedBytes());
      opened.add(laneGroup::close);
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  private Workspace workspace(int lane, Plan plan, Path pages) {
    long offloaded = plan.offloadedBytes();
    MappedFile file = offloaded == 0 ? null : MappedFile.create(pages, offloaded);
    Gemm gemm = model.backend().gemms().apply(plan.threadsPerLane());
    Workspace ws = new Workspace(lane, plan.workspaceBytes(), gemm, file);
    opened.add(ws::close);
    return ws;
  }

  public Lanes lanes() {
    return lanes;
  }

  public List<Workspace> workspaces() {
    return workspaces;
  }

  /// The sum over sequences of the routers' load-balancing losses in the last step.
  public double auxLoss() {
    return DoubleStream.of(routing).sum();
  }

  /// The tokens that each expert of each layer got in the last step, on all ranks.
  public long[][] experts() {
    return experts;
  }

  private @Nullable ExpertLoad load(int lane, @Nullable Balance balance) {
    return loads.isEmpty() ? null : loads.get(lane).begin(balance);
  }

  /// The number of a lane among those of all ranks.
  private int place(int lane) {
    return ranks.rank() * lanes.count() + lane;
  }

  /// Adds the gradients of the model's trained parameters, lane by lane. Rank 0 orders other ranks
  /// to compute their lanes' part.
  ///
  /// @return the loss
  public double add(Work work) {
    if (ranks.rank() == 0) {
      Order.tell(ranks, new Order.Step(work));
    }
    return add(
        List.of(work),
        (packings, lane) ->
            new double[] {
              together(packings.getFirst(), work, lane) + alone(packings.getFirst(), work, lane)
            })[0];
  }

  /// Adds the gradients of adapters of the bank that is in the model's slots.
  ///
  /// @return the loss of each
  public double[] addOwned(List<Work> works) {
    return add(works, (packings, lane) -> owned(packings, works, lane));
  }

  private interface OnLane {
    double[] run(List<Packing> packings, int lane);
  }

  private double[] add(List<Work> works, OnLane part) {
    List<Packing> packings =
        works.stream().map(work -> work.packing(routing.length, cost, !loads.isEmpty())).toList();
    laneGroup.reset();
    loads.forEach(ExpertLoad::reset);
    List<double[]> own =
        lanes.run(
            lane -> {
              try {
                return part.run(packings, lane);
              } catch (RuntimeException | Error e) {
                laneGroup.fail(e);
                throw e;
              }
            });
    List<double[]> sums = ranks.ranks() == 1 ? own : ofAllRanks(own);
    experts = loads.isEmpty() ? experts : counted();
    double[] losses = new double[works.size()];
    for (int i = 0; i < losses.length; i++) {
      for (double[] sum : sums) {
        losses[i] += sum[i];
      }
      Objective.Weights weights = works.get(i).weights();
      losses[i] = weights.loss() == null ? losses[i] * weights.scale() : weights.loss();
    }
    return losses;
  }

  /// Collects the losses, and the routers' losses, of the lanes of all ranks.
  private List<double[]> ofAllRanks(List<double[]> own) {
    Doubles numbers = new Doubles(2 * routing.length);
    for (int lane = 0; lane < own.size(); lane++) {
      numbers.put(place(lane), own.get(lane)[0]);
      numbers.put(routing.length + place(lane), routing[place(lane)]);
    }
    double[] all = numbers.sum(ranks);
    System.arraycopy(all, routing.length, routing, 0, routing.length);
    return DoubleStream.of(all)
        .limit(routing.length)
        .mapToObj(loss -> new double[] {loss})
        .toList();
  }

  private long[][] counted() {
    long[][] counts =
        IntStream.of(model.config().experts()).mapToObj(long[]::new).toArray(long[][]::new);
    loads.forEach(load -> load.addTo(counts));
    if (ranks.ranks() > 1) {
      Doubles numbers = new Doubles(Stream.of(counts).mapToInt(layer -> layer.length).sum());
      int place = 0;
      for (long[] layer : counts) {
        for (long tokens : layer) {
          numbers.put(place++, tokens);
        }
      }
      double[] all = numbers.sum(ranks);
      place = 0;
      for (long[] layer : counts) {
        for (int e = 0; e < layer.length; e++) {
          layer[e] = (long) all[place++];
        }
      }
    }
    return counts;
  }

  /// Trains a lane's parts of the sequences that are cut over all lanes.
  private double together(Packing packing, Work work, int lane) {
    double sum = 0;
    for (int position : packing.split()) {
      Batch whole = batch(List.of(position), work);
      Share share =
          new Share(laneGroup.member(lane), SequenceSplit.of(whole.tokens(), lanes.count()));
      Batch part = whole.part(share.cut(), lane);
      Workspace ws = workspaces.get(lane);
      ExpertLoad load = load(lane, null);
      sum += model.train(part, share, work.weights().scale(), work.dropout(), load, ws);
    }
    return sum;
  }

  /// Trains the lane's own sequences.
  private double alone(Packing packing, Work work, int lane) {
    double sum = 0;
    routing[place(lane)] = 0;
    for (List<Integer> microBatch : packing.lanes().get(place(lane))) {
      Batch batch = batch(microBatch, work);
      double balance = model.balance() / work.sequences().size();
      Balance loss = balance > 0 ? new Balance(balance) : null;
      ExpertLoad load = load(lane, loss);
      Workspace ws = workspaces.get(lane);
      sum += model.train(batch, null, work.weights().scale(), work.dropout(), load, ws);
      routing[place(lane)] += loss == null ? 0 : loss.loss();
    }
    return sum;
  }

  private Batch batch(List<Integer> positions, Work work) {
    Objective.Weights weights = work.weights();
    int[] rows = IntStream.range(0, work.sequences().size()).toArray();
    return model.givesRewards()
        ? Batcher.lasts(positions, rows, work.sequences(), weights.each())
        : Batcher.counted(
            positions,
            rows,
            work.sequences(),
            new Batcher.Factors(weights.each(), weights.texts(), work.starts()),
            work.branches());
  }

  /// Trains a lane's share of all works, and returns the loss of each.
  private double[] owned(List<Packing> packings, List<Work> works, int lane) {
    double[] cut = new double[works.size()];
    double[] sums = new double[works.size()];
    int rounds = 0;
    for (int i = 0; i < cut.length; i++) {
      for (int position : packings.get(i).split()) {
        Batch whole = batch(List.of(position), works.get(i));
        Share share =
            new Share(laneGroup.member(lane), SequenceSplit.of(whole.tokens(), lanes.count()));
        MicroBatch one = new MicroBatch(i, works.get(i), whole.part(share.cut(), lane));
        train(List.of(one), share, cut, lane);
      }
      rounds = Math.max(rounds, packings.get(i).lanes().get(lane).size());
    }
    for (int round = 0; round < rounds; round++) {
      List<MicroBatch> pass = new ArrayList<>();
      int tokens = 0;
      for (int i = 0; i < cut.length; i++) {
        List<List<Integer>> own = packings.get(i).lanes().get(lane);
        if (round < own.size()) {
          MicroBatch one = new MicroBatch(i, works.get(i), batch(own.get(round), works.get(i)));
          if (!pass.isEmpty() && tokens + one.batch().tokens() > passTokens) {
            train(pass, null, sums, lane);
            pass.clear();
            tokens = 0;
          }
          pass.add(one);
          tokens += one.batch().tokens();
        }
      }
      train(pass, null, sums, lane);
    }
    for (int i = 0; i < cut.length; i++) {
      sums[i] += cut[i];
    }
    return sums;
  }

  /// A micro-batch of one work.
  ///
  /// @param index of the work
  private record MicroBatch(int index, Work work, Batch batch) {
    Segments.Owner owner(@Nullable Share share) {
      int sequences = share == null ? batch.lengths().length : 2; // pieces of one
      return new Segments.Owner(work.adapter(), sequences, work.dropout());
    }
  }

  /// Trains micro-batches of different works in one pass, and adds their losses.
  private void train(List<MicroBatch> pass, @Nullable Share share, double[] losses, int lane) {
    List<Batch> batches = pass.stream().map(MicroBatch::batch).toList();
    double[] scales = pass.stream().mapToDouble(one -> one.work().weights().scale()).toArray();
    Batch all = Batch.joined(batches, scales);
    List<Segments.Owner> owners = pass.stream().map(one -> one.owner(share)).toList();
    double[] logprobs = model.trainOwned(all, owners, share, workspaces.get(lane));
    int at = 0;
    for (MicroBatch one : pass) {
      double loss = 0;
      for (int i = 0; i < one.batch().rows().length; i++) {
        loss -= one.batch().weight(i) * logprobs[at++];
      }
      losses[one.index()] += loss;
    }
  }

  @Override
  public void close() {
    opened.forEach(Runnable::run);
    opened.clear();
  }
}
