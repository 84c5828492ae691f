"""What a checkpoint file of each layout holds, brought to the names of timm and DINO."""
