package dev.nudge;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// Eigenvalues and directions of a small symmetric matrix by Jacobi's rotations, in double, such as
/// the principal components of rows: what iterations in fp32 are compared with.
///
/// @param values the largest first
/// @param vectors a row for each value, of length 1
public record ExactComponents(double[] values, double[][] vectors) {
  private static final int SWEEPS = 30;

  /// The principal components of rows around their mean; the values are sums of squares.
  public static ExactComponents of(List<double[]> rows) {
    int width = rows.getFirst().length;
    double[] mean = mean(rows);
    double[][] scatter = new double[width][width];
    for (double[] row : rows) {
      for (int i = 0; i < width; i++) {
        for (int j = 0; j < width; j++) {
          scatter[i][j] += (row[i] - mean[i]) * (row[j] - mean[j]);
        }
      }
    }
    return ofSymmetric(scatter);
  }

  /// The eigenvalues and eigenvectors of a symmetric matrix.
  public static ExactComponents ofSymmetric(double[][] matrix) {
    int n = matrix.length;
    double[][] m = new double[n][];
    double[][] v = new double[n][n]; // a direction in each column
    for (int i = 0; i < n; i++) {
      m[i] = matrix[i].clone();
      v[i][i] = 1;
    }
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
      for (int p = 0; p < n; p++) {
        for (int q = p + 1; q < n; q++) {
          if (m[p][q] != 0) {
            rotate(m, v, p, q);
          }
        }
      }
    }
    int[] order =
        IntStream.range(0, n)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -m[i][i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] values = new double[n];
    double[][] vectors = new double[n][n];
    for (int i = 0; i < n; i++) {
      values[i] = m[order[i]][order[i]];
      for (int k = 0; k < n; k++) {
        vectors[i][k] = v[k][order[i]];
      }
    }
    return new ExactComponents(values, vectors);
  }

  /// Turns the axes p and q so that m has 0 where they meet.
  private static void rotate(double[][] m, double[][] v, int p, int q) {
    double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
    double t = Math.copySign(1, theta) / (Math.abs(theta) + Math.hypot(1, theta));
    double c = 1 / Math.hypot(1, t);
    double s = t * c;
    turnColumns(m, p, q, c, s);
    for (int k = 0; k < m.length; k++) {
      double a = m[p][k];
      double b = m[q][k];
      m[p][k] = c * a - s * b;
      m[q][k] = s * a + c * b;
    }
    turnColumns(v, p, q, c, s);
  }

  private static void turnColumns(double[][] m, int p, int q, double c, double s) {
    for (double[] row : m) {
      double a = row[p];
      double b = row[q];
      row[p] = c * a - s * b;
      row[q] = s * a + c * b;
    }
  }

  /// The share of all values that one has.
  public double share(int i) {
    return values[i] / Arrays.stream(values).sum();
  }

  /// The sum of the values from one on.
  public double from(int i) {
    return Arrays.stream(values).skip(i).sum();
  }

  /// The squares of rows around their mean along some directions, summed.
  public static double along(double[][] directions, List<double[]> rows) {
    double[] mean = mean(rows);
    double sum = 0;
    for (double[] direction : directions) {
      for (double[] row : rows) {
        double part = 0;
        for (int c = 0; c < mean.length; c++) {
          part += direction[c] * (row[c] - mean[c]);
        }
        sum += part * part;
      }
    }
    return sum;
  }

  private static double[] mean(List<double[]> rows) {
    double[] mean = new double[rows.getFirst().length];
    for (double[] row : rows) {
      for (int c = 0; c < mean.length; c++) {
        mean[c] += row[c] / rows.size();
      }
    }
    return mean;
  }
}
