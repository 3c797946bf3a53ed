//! Where things go: boxes in ranks from left to right, edges in lanes between them.
//!
//! After Sugiyama, Tagawa & Toda (1981, doi:10.1109/TSMC.1981.4308636): the rank of a box is
//! the longest path to it; an edge that crosses a rank holds a lane there; within a rank,
//! boxes and lanes are ordered by the barycentre of their neighbours; their heights are the
//! least-squares ones that keep this order.
//!
//! It knows no text and no colours.

/// Space between two boxes of one rank.
const BOX_GAP: f64 = 26.0;
/// Height of a lane.
const LANE: f64 = 16.0;
/// How often orders are improved.
const SWEEPS: usize = 24;
/// How often heights are: what one box wants takes so many steps to reach the other end.
const SETTLINGS: usize = 200;

/// What is laid out.
pub(super) struct Scene<'a> {
    /// Width and height of each box.
    pub(super) boxes: &'a [(f64, f64)],
    /// From a box to a later one.
    pub(super) edges: &'a [(usize, usize)],
    /// Least space that an edge needs between two ranks: one for each edge.
    pub(super) gaps: &'a [f64],
}

/// Where everything goes; the top left corner is at the origin.
#[derive(Debug, PartialEq)]
pub(super) struct Layout {
    /// Left edge and middle of each box.
    pub(super) boxes: Vec<(f64, f64)>,
    /// For each edge, its lanes: left end, right end and height.
    pub(super) lanes: Vec<Vec<(f64, f64, f64)>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A box, or where an edge crosses a rank.
struct Slot {
    rank: usize,
    height: f64,
    /// How firmly it holds its place: lanes are kept straight.
    weight: f64,
}

pub(super) fn lay_out(scene: &Scene<'_>) -> Layout {
    let ranks = ranks(scene.boxes.len(), scene.edges);
    let mut slots: Vec<Slot> = scene
        .boxes
        .iter()
        .zip(&ranks)
        .map(|(&(_, height), &rank)| Slot { rank, height, weight: 1.0 })
        .collect();
    let mut links: Vec<(usize, usize)> = Vec::new();
    let mut lanes_of_edges: Vec<Vec<usize>> = Vec::new();
    for &(from, to) in scene.edges {
        let mut lanes = Vec::new();
        let mut last = from;
        for rank in ranks[from] + 1..ranks[to] {
            lanes.push(slots.len());
            links.push((last, slots.len()));
            last = slots.len();
            slots.push(Slot { rank, height: LANE, weight: 6.0 });
        }
        links.push((last, to));
        lanes_of_edges.push(lanes);
    }
    let order = order(&slots, &links);
    let middles = middles(&slots, &links, &order);
    let columns = columns(scene, &ranks, order.len());

    let tops = slots.iter().zip(&middles).map(|(slot, middle)| middle - slot.height / 2.0);
    let top = tops.fold(f64::INFINITY, f64::min);
    let bottoms = slots.iter().zip(&middles).map(|(slot, middle)| middle + slot.height / 2.0);
    let bottom = bottoms.fold(f64::NEG_INFINITY, f64::max);
    // A box stands in the middle of its rank.
    let place = |index: usize| {
        let (left, right) = columns[ranks[index]];
        ((left + right - scene.boxes[index].0) / 2.0, middles[index] - top)
    };
    let lane = |&slot: &usize| {
        let (left, right) = columns[slots[slot].rank];
        (left, right, middles[slot] - top)
    };
    Layout {
        boxes: (0..scene.boxes.len()).map(place).collect(),
        lanes: lanes_of_edges.iter().map(|lanes| lanes.iter().map(lane).collect()).collect(),
        width: columns.last().map_or(0.0, |column| column.1),
        height: if slots.is_empty() { 0.0 } else { bottom - top },
    }
}

/// The longest path to each box; a box that nothing leads to stands beside its first
/// consumer.
fn ranks(boxes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; boxes];
    let mut sorted = edges.to_vec();
    sorted.sort_unstable();
    // Edges lead to later boxes, so a box has its rank before its edges are followed.
    for &(from, to) in &sorted {
        ranks[to] = ranks[to].max(ranks[from] + 1);
    }
    for index in 0..boxes {
        let is_fed = edges.iter().any(|(_, to)| *to == index);
        let consumers = edges.iter().filter(|(from, _)| *from == index);
        if let (false, Some(rank)) = (is_fed, consumers.map(|(_, to)| ranks[*to]).min()) {
            ranks[index] = rank - 1;
        }
    }
    ranks
}

/// The neighbours of each slot: on the left, on the right.
fn neighbours(slots: usize, links: &[(usize, usize)]) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let (mut left, mut right) = (vec![Vec::new(); slots], vec![Vec::new(); slots]);
    for &(from, to) in links {
        left[to].push(from);
        right[from].push(to);
    }
    (left, right)
}

/// The slots of each rank from top to bottom, with as few crossings as were found.
fn order(slots: &[Slot], links: &[(usize, usize)]) -> Vec<Vec<usize>> {
    let (left, right) = neighbours(slots.len(), links);
    let last = slots.iter().map(|slot| slot.rank).max();
    let mut order: Vec<Vec<usize>> = vec![Vec::new(); last.map_or(0, |last| last + 1)];
    for (index, slot) in slots.iter().enumerate() {
        order[slot.rank].push(index);
    }
    let mut position = positions(&order, slots.len());
    let mut best = (crossings(&order, links, &position), order.clone());
    for sweep in 0..SWEEPS {
        let to_right = sweep % 2 == 0;
        let mut visited: Vec<usize> = (0..order.len()).collect();
        if !to_right {
            visited.reverse();
        }
        let side = if to_right { &left } else { &right };
        for rank in visited {
            let barycentre = |slot: usize| {
                mean(side[slot].iter().map(|&other| position[other] as f64))
                    .unwrap_or(position[slot] as f64)
            };
            let mut keyed: Vec<_> =
                order[rank].iter().map(|&slot| (barycentre(slot), slot)).collect();
            keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
            order[rank] = keyed.into_iter().map(|(_, slot)| slot).collect();
            for (place, &slot) in order[rank].iter().enumerate() {
                position[slot] = place;
            }
        }
        let found = crossings(&order, links, &position);
        if found < best.0 {
            best = (found, order.clone());
        }
    }
    best.1
}

fn positions(order: &[Vec<usize>], slots: usize) -> Vec<usize> {
    let mut position = vec![0; slots];
    for rank in order {
        for (place, &slot) in rank.iter().enumerate() {
            position[slot] = place;
        }
    }
    position
}

/// Pairs of links between the same two ranks that cross.
fn crossings(order: &[Vec<usize>], links: &[(usize, usize)], position: &[usize]) -> usize {
    let mut crossings = 0;
    for rank in order {
        let here: Vec<_> = links
            .iter()
            .filter(|(from, _)| rank.get(position[*from]) == Some(from))
            .map(|&(from, to)| (position[from], position[to]))
            .collect();
        for (index, one) in here.iter().enumerate() {
            let cross = |other: &&(usize, usize)| {
                (one.0 < other.0 && one.1 > other.1) || (one.0 > other.0 && one.1 < other.1)
            };
            crossings += here[index + 1..].iter().filter(cross).count();
        }
    }
    crossings
}

/// The height of each slot's middle: near its neighbours', in the order of its rank.
fn middles(slots: &[Slot], links: &[(usize, usize)], order: &[Vec<usize>]) -> Vec<f64> {
    let (left, right) = neighbours(slots.len(), links);
    let mut middles = vec![0.0; slots.len()];
    for rank in order {
        let wanted = vec![0.0; rank.len()];
        spread(slots, rank, &wanted, &mut middles);
    }
    for sweep in 0..SETTLINGS {
        // From half-way on, both sides pull.
        let both = sweep >= SETTLINGS / 2;
        let to_right = sweep % 2 == 0;
        let mut visited: Vec<usize> = (0..order.len()).collect();
        if !to_right {
            visited.reverse();
        }
        for rank in visited {
            let wanted = order[rank].iter().map(|&slot| {
                let near = match (both, to_right) {
                    (true, _) => [left[slot].as_slice(), right[slot].as_slice()],
                    (false, true) => [left[slot].as_slice(), &[]],
                    (false, false) => [&[], right[slot].as_slice()],
                };
                let near = near.into_iter().flatten().map(|&other| middles[other]);
                mean(near).unwrap_or(middles[slot])
            });
            let wanted: Vec<f64> = wanted.collect();
            spread(slots, &order[rank], &wanted, &mut middles);
        }
    }
    middles
}

/// Puts the slots of one rank as near to where they want to be as their order and sizes
/// allow, in the sense of weighted least squares: pool adjacent violators.
fn spread(slots: &[Slot], rank: &[usize], wanted: &[f64], middles: &mut [f64]) {
    let mut offsets = Vec::with_capacity(rank.len());
    let mut offset = 0.0;
    for (place, &slot) in rank.iter().enumerate() {
        if place > 0 {
            let above = &slots[rank[place - 1]];
            offset += (above.height + slots[slot].height) / 2.0 + BOX_GAP;
        }
        offsets.push(offset);
    }
    // Blocks of slots that touch: their common shift, weight and length.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for ((&slot, wanted), offset) in rank.iter().zip(wanted).zip(&offsets) {
        blocks.push((wanted - offset, slots[slot].weight, 1));
        while let [.., above, below] = blocks.as_slice()
            && above.0 > below.0
        {
            let weight = above.1 + below.1;
            let shift = (above.0 * above.1 + below.0 * below.1) / weight;
            let length = above.2 + below.2;
            blocks.truncate(blocks.len() - 2);
            blocks.push((shift, weight, length));
        }
    }
    let shifts = blocks.iter().flat_map(|&(shift, _, length)| std::iter::repeat_n(shift, length));
    for ((&slot, offset), shift) in rank.iter().zip(&offsets).zip(shifts) {
        middles[slot] = shift + offset;
    }
}

/// Left and right edge of each rank.
fn columns(scene: &Scene<'_>, ranks: &[usize], count: usize) -> Vec<(f64, f64)> {
    let mut widths = vec![0.0_f64; count];
    for (&(width, _), &rank) in scene.boxes.iter().zip(ranks) {
        widths[rank] = widths[rank].max(width);
    }
    // The space left of each rank. An edge needs its own where it leaves and where it ends.
    let mut gaps = vec![0.0_f64; count + 1];
    for (&(from, to), &gap) in scene.edges.iter().zip(scene.gaps) {
        for rank in [ranks[from] + 1, ranks[to]] {
            gaps[rank] = gaps[rank].max(gap);
        }
    }
    let mut columns = Vec::with_capacity(count);
    let mut x = 0.0;
    for (rank, width) in widths.into_iter().enumerate() {
        if rank > 0 {
            x += gaps[rank];
        }
        columns.push((x, x + width));
        x += width;
    }
    columns
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: (f64, f64) = (100.0, 40.0);

    fn check(boxes: usize, edges: &[(usize, usize)]) -> Layout {
        let gaps = vec![60.0; edges.len()];
        let boxes = vec![BOX; boxes];
        let layout = lay_out(&Scene { boxes: &boxes, edges, gaps: &gaps });
        let rectangles: Vec<_> = layout
            .boxes
            .iter()
            .map(|(x, middle)| (*x, middle - BOX.1 / 2.0, x + BOX.0, middle + BOX.1 / 2.0))
            .collect();
        for (index, one) in rectangles.iter().enumerate() {
            assert!(one.0 >= 0.0 && one.2 <= layout.width + 1e-9, "inside");
            assert!(one.1 >= -1e-9 && one.3 <= layout.height + 1e-9, "inside");
            for other in &rectangles[index + 1..] {
                let apart =
                    one.2 <= other.0 || other.2 <= one.0 || one.3 <= other.1 || other.3 <= one.1;
                assert!(apart, "boxes overlap: {rectangles:?}");
            }
            for (left, right, y) in layout.lanes.iter().flatten() {
                let apart = *right <= one.0 || one.2 <= *left || *y < one.1 || *y > one.3;
                assert!(apart, "a lane leads through a box");
            }
        }
        for (from, to) in edges {
            assert!(rectangles[*from].2 < rectangles[*to].0, "edges lead to the right");
        }
        layout
    }

    #[test]
    fn a_chain_is_straight() {
        let layout = check(3, &[(0, 1), (1, 2)]);
        assert!(layout.boxes.iter().all(|(_, y)| (y - BOX.1 / 2.0).abs() < 1e-9));
        assert_eq!(layout.width, 3.0 * 100.0 + 2.0 * 60.0);
    }

    #[test]
    fn the_rank_is_the_longest_path() {
        let edges = [(0, 1), (1, 2), (0, 2), (2, 4), (3, 4)];
        // Box 3 has no input: it stands beside what it feeds.
        assert_eq!(ranks(5, &edges), [0, 1, 2, 2, 3]);
        assert_eq!(check(5, &edges).lanes[2].len(), 1);
    }

    #[test]
    fn crossings_that_need_not_be_are_not() {
        let edges = [(0, 5), (1, 4), (2, 3)];
        let layout = check(6, &edges);
        let mut heights: Vec<_> =
            edges.map(|(from, to)| (layout.boxes[from].1, layout.boxes[to].1)).to_vec();
        heights.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(heights.windows(2).all(|pair| pair[0].1 < pair[1].1), "{heights:?}");
    }

    #[test]
    fn many_shapes_fit() {
        check(0, &[]);
        check(1, &[]);
        check(4, &[]);
        check(7, &[(0, 1), (1, 2), (2, 3), (2, 4), (3, 4), (4, 5), (2, 5), (2, 6), (3, 6)]);
        // Everything to everything.
        let all: Vec<_> = (0..8).flat_map(|to| (0..to).map(move |from| (from, to))).collect();
        check(8, &all);
    }
}
