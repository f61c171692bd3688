//! Who is measured when: what the one before has left behind, on a disk above all, weighs on the next, so that each round has an order
//! of its own.

/// The places of `count` contenders in the order of `round`, which is counted from zero. Over twice as many rounds as there are
/// contenders everybody comes equally often at each place and after each other.
pub(super) fn order(count: usize, round: usize) -> Vec<usize> {
    // The rows of Williams' square: 0, 1, n-1, 2, n-2 and so on, moved on by one each round. Of an odd number of contenders
    // half of the pairs occur only the other way round in it, so that every other row is read backwards.
    let zigzag = (0..count).map(|place| if place % 2 == 1 { place.div_ceil(2) } else { (count - place / 2) % count });
    let mut row: Vec<_> = zigzag.map(|place| (place + round) % count).collect();
    if count % 2 == 1 && round % 2 == 1 {
        row.reverse();
    }
    row
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn everybody_comes_equally_often_at_each_place_and_after_each_other() {
        for count in 1..=6 {
            let (mut places, mut pairs) = (BTreeMap::new(), BTreeMap::new());
            for round in 0..2 * count {
                let row = order(count, round);
                for (place, who) in row.iter().enumerate() {
                    *places.entry((place, *who)).or_insert(0) += 1;
                }
                for pair in row.windows(2) {
                    *pairs.entry((pair[0], pair[1])).or_insert(0) += 1;
                }
            }
            assert!(places.len() == count * count && places.values().all(|times| *times == 2), "{count}: {places:?}");
            assert!(
                pairs.len() == count * (count - 1) && pairs.values().all(|times| *times == 2),
                "{count}: {pairs:?}"
            );
        }
    }
}
