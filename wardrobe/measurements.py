"""Body measurements that garments are cut for, and the spans of each length value, in cm.

The spans of neighbouring values never touch, so that no garment lies on a boundary. The boundaries are those of
FashionAI: a knee-length skirt ends at the knee of this body, an elbow-length sleeve at its elbow.
"""

# Heights below the neck point, where neck and shoulder meet.
WAIST, HIP, CROTCH, KNEE, CALF, ANKLE, FLOOR = 41.0, 62.0, 74.0, 101.0, 118.0, 138.0, 147.0
ELBOW_SHARE = 0.56  # share of the arm's length from the shoulder

Spans = dict[int, tuple[float, float]]
# Below the waist; the knee is at 60, the ankle at 97, the floor at 106.
SKIRT_LENGTHS_CM: Spans = {1: (33, 44), 2: (56, 62), 3: (74, 82), 4: (91, 95), 5: (107, 110)}
PANT_LENGTHS_CM: Spans = {1: (32, 41), 2: (54, 59), 3: (68, 74), 4: (87, 91), 5: (102, 106)}
# Below the neck point.
COAT_LENGTHS_CM: Spans = {
    1: (38, 43), 2: (58, 64), 3: (74, 79), 4: (86, 91), 5: (100, 106), 6: (117, 124), 7: (136, 144),
}  # fmt: skip
# Shares of the arm's length from the shoulder to the wrist; 8 covers the hand.
SLEEVE_LENGTH_SHARES: Spans = {
    2: (0.13, 0.18), 3: (0.26, 0.37), 4: (0.59, 0.63), 5: (0.79, 0.84), 6: (0.97, 0.99), 7: (1.05, 1.10),
    8: (1.18, 1.25),
}  # fmt: skip
